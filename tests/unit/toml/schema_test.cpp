// The schema against the reader: whatever one of them knows, the other knows as well.
#include "scenarios/toml/schema.hpp"

#include <gmock/gmock.h>

#include <array>
#include <boost/json.hpp>
#include <map>
#include <set>
#include <sstream>

#include "controller/probes/catalogue.hpp"
#include "reports/invariants/catalogue.hpp"
#include "scenarios/toml/asked.hpp"
#include "scenarios/toml/keys.hpp"
#include "tests/support/json_schema.hpp"
#include "tests/support/toml_json.hpp"
#include "tests/unit/toml/support.hpp"

namespace troop::scenarios::test {
namespace {

namespace json = boost::json;
using ::testing::IsEmpty;
using ::testing::Not;

/// What `troop` knows, not only the catalogue of these tests.
const model::Catalogue& real() {
  static const model::Catalogue all{
      .faults = model::faults(),
      .probes = controller::probes(),
      .invariants = {invariants::catalogue().begin(), invariants::catalogue().end()},
  };
  return all;
}

std::vector<std::string> wrong_by_schema(const std::string& toml_text) {
  return troop::test::SchemaCheck{}.run(troop::test::toml_as_json(toml_text), scenario_schema(real()));
}

/// A value that the schema takes, as TOML. Each of a list of texts once.
std::string sample(const json::object& schema) {
  if (const auto* fixed = schema.if_contains("const")) return json::serialize(*fixed);
  if (const auto* choices = schema.if_contains("enum")) return json::serialize(choices->as_array().back());
  const std::string_view type = schema.at("type").as_string();
  if (type == "boolean") return "true";
  if (type == "integer" || type == "number") {
    const auto* minimum = schema.if_contains("minimum");
    return minimum == nullptr ? "1" : json::serialize(*minimum);
  }
  if (type == "array") {
    const auto* items = schema.if_contains("items");
    return items == nullptr ? "[]" : "[" + sample(items->as_object()) + "]";
  }
  for (const char* text : {"x", "1s", "broker", "producer-1", "consumer-1", "/x", "< 1s", ">= 0.5", "env:TROOP_X"}) {
    if (troop::test::SchemaCheck{}.run(json::value(text), schema).empty()) return json::serialize(json::value(text));
  }
  ADD_FAILURE() << "no sample for " << json::serialize(schema);
  return "\"\"";
}

/// Every key of `schema`, with a value, as TOML below the header of `path`.
void write_all(const json::object& schema, const std::string& path, std::ostream& out) {
  const auto is = [](const json::value& one, std::string_view type) {
    const auto* found = one.as_object().if_contains("type");
    return found != nullptr && found->as_string() == type;
  };
  const auto is_list_of_tables = [&](const json::value& one) {
    const auto* items = is(one, "array") ? one.as_object().if_contains("items") : nullptr;
    return items != nullptr && (items->as_object().contains("oneOf") || is(*items, "object"));
  };
  const auto& properties = schema.at("properties").as_object();
  for (const auto& [name, inner] : properties) {
    if (is(inner, "object") || is_list_of_tables(inner)) continue;
    out << name << " = " << sample(inner.as_object()) << "\n";
  }
  for (const auto& [name, inner] : properties) {
    const std::string at = path.empty() ? std::string{name} : path + "." + std::string{name};
    if (is(inner, "object")) {
      out << "[" << at << "]\n";
      write_all(inner.as_object(), at, out);
    }
    if (!is_list_of_tables(inner)) continue;
    const auto& items = inner.at("items").as_object();
    const auto* choices = items.if_contains("oneOf");
    for (const auto& one : choices != nullptr ? choices->as_array() : json::array{items}) {
      out << "[[" << at << "]]\n";
      write_all(one.as_object(), at, out);
    }
  }
}

std::string file_with_every_key() {
  std::ostringstream out;
  write_all(scenario_schema(real()), "", out);
  return out.str();
}

/// The keys that the catalogues add, as paths.
std::set<std::string> catalogue_keys() {
  std::set<std::string> paths{
      "step[].fault",     "step[].target",     "step[].for", "steady_state[].probe", "steady_state[].tolerance",
      "invariant[].kind", "invariant[].expect"};
  const auto add = [&](const std::string& place, const std::vector<model::Parameter>& parameters) {
    for (const auto& parameter : parameters) paths.insert(place + std::string{parameter.name});
  };
  for (const auto& fault : real().faults) add("step[].", fault.parameters);
  for (const auto& entry : real().invariants) add("invariant[].", entry.parameters);
  for (const auto& probe : real().probes) {
    add("steady_state[].", probe.parameters);
    add("steady_state[].tolerance.", probe.measures);
  }
  return paths;
}

const Key* find_key(std::string_view path) {
  for (const auto& key : keys()) {
    if (key.path == path) return &key;
  }
  return nullptr;
}

/// All that a row of keys.cpp needs but the words.
std::string facts(const Asked& asked) {
  static constexpr std::array types{"boolean", "integer", "number", "duration", "text", "choice", "texts"};
  if (asked.as == Asked::As::tables) return "tables";
  if (asked.as == Asked::As::table) return "table";
  if (asked.as == Asked::As::anything) return "(it was not in the text that was read)";
  std::string out = types.at(static_cast<std::size_t>(asked.type));
  if (!asked.fallback.empty()) out += ", default " + asked.fallback;
  if (asked.minimum) out += ", from " + std::to_string(*asked.minimum);
  if (asked.maximum) out += ", up to " + std::to_string(*asked.maximum);
  for (const auto& one : asked.choices) out += ", " + one;
  return out;
}

// ---- in step ----

TEST(Schema, AllowsNoKeyThatTheReaderDoesNotKnow) {
  const std::string text = file_with_every_key();
  EXPECT_THAT(wrong_by_schema(text), IsEmpty()) << text;
  const Folder folder;
  const auto reading = read_scenario(folder.write("all.toml", text), real());
  for (const auto& problem : reading.problems) {
    for (const char* excuse : {"unknown key", "expected ", "out of range", "is not one of"}) {
      EXPECT_THAT(problem.message, Not(::testing::HasSubstr(excuse))) << to_text(problem) << "\n" << text;
    }
  }
}

TEST(Schema, HasEveryKeyThatTheReaderAsksFor) {
  const auto known = catalogue_keys();
  std::map<std::string, std::string> missing;
  const auto asked = asked_keys(file_with_every_key(), real());
  ASSERT_GT(asked.size(), keys().size());
  for (const auto& one : asked) {
    if (find_key(one.path) == nullptr && !known.contains(one.path)) missing[one.path] = facts(one);
  }
  for (const auto& [path, what] : missing) {
    ADD_FAILURE() << path << " has no row in scenarios/toml/keys.cpp. What the reader takes: " << what;
  }
}

TEST(Schema, SaysOfEachKeyWhatTheReaderHoldsItTo) {
  std::set<std::string_view> seen;
  for (const auto& one : asked_keys(file_with_every_key(), real())) {
    const Key* key = find_key(one.path);
    if (key == nullptr || one.as == Asked::As::anything) continue;
    seen.insert(key->path);
    SCOPED_TRACE(one.path + ", of scenarios/toml/keys.cpp, differs from scenarios/toml/sections.cpp");
    ASSERT_EQ(static_cast<int>(key->as), static_cast<int>(one.as) - 1) << "table, list of tables or value";
    if (one.as == Asked::As::table) continue;
    EXPECT_EQ(key->maximum, one.maximum);
    if (one.as == Asked::As::tables) continue;
    EXPECT_EQ(key->type, one.type);
    EXPECT_EQ(key->minimum, one.minimum);
    EXPECT_EQ(key->maximum, one.maximum);
    EXPECT_EQ(std::vector<std::string>(key->choices.begin(), key->choices.end()), one.choices);
    // What has no default is given one by the reader only to have a place for the value.
    if (key->fallback.empty() || one.type == model::ParameterType::choice) continue;
    if (one.type == model::ParameterType::duration) {
      EXPECT_EQ(parse_duration(key->fallback).value(), parse_duration(one.fallback).value());
    } else if (one.type == model::ParameterType::number) {
      EXPECT_EQ(std::stod(std::string{key->fallback}), std::stod(one.fallback));
    } else {
      EXPECT_EQ(key->fallback, one.fallback);
    }
  }
  for (const auto& key : keys()) EXPECT_TRUE(seen.contains(key.path)) << key.path << ": the reader does not ask for it";
}

/// Choices by their place in the model: the reader alone knows which it takes where the file says nothing.
TEST(Schema, NamesTheDefaultOfEachChoice) {
  int compared = 0;
  for (const auto& key : keys()) {
    if (key.type != model::ParameterType::choice || !key.path.starts_with("workload.") || key.path == "workload.kind")
      continue;
    std::string table{key.path.substr(0, key.path.rfind('.'))};
    std::string begin =
        "name = \"x\"\n[[invariant]]\nkind = \"delivery\"\nguarantee = \"at-least-once\"\nexpect = []\n[";
    begin += table + "]\n";
    for (const auto& other : keys()) {
      if (other.required && other.path.starts_with(table + ".")) begin += "name = \"x\"\n";
    }
    if (key.path == "workload.queue.overflow") begin += "max_length = 5\n";  // without it there is nothing to choose
    const auto without = read(begin);
    const auto with =
        read(begin + std::string{key.path.substr(table.size() + 1)} + " = \"" + std::string{key.fallback} + "\"\n");
    ASSERT_TRUE(without.scenario && with.scenario) << key.path << ::testing::PrintToString(problems_of(with.problems));
    EXPECT_TRUE(without.scenario->workload == with.scenario->workload) << key.path;
    ++compared;
  }
  EXPECT_GE(compared, 4);
}

TEST(Schema, IsDocumentedKeyByKey) {
  const std::string readme = content(TROOP_SOURCE_DIR "/scenarios/README.md");
  for (const auto& key : keys()) {
    if (key.as != Key::As::value) continue;
    const std::string name{key.path.substr(key.path.rfind('.') + 1)};
    EXPECT_NE(readme.find("`" + name + "`"), std::string::npos) << key.path << " is not in scenarios/README.md";
  }
}

// ---- what people write ----

TEST(Schema, TakesEveryScenarioOfTheLibrary) {
  int seen = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{TROOP_SOURCE_DIR "/scenarios/library"}) {
    if (entry.path().extension() != ".toml") continue;
    EXPECT_THAT(wrong_by_schema(content(entry.path())), IsEmpty()) << entry.path();
    ++seen;
  }
  EXPECT_GE(seen, 6);
}

struct Written {
  std::string name, text, wrong;  ///< `wrong` empty: nothing is.
  friend void PrintTo(const Written& c, std::ostream* out) { *out << c.text; }
};

class SchemaTest : public ::testing::TestWithParam<Written> {};

TEST_P(SchemaTest, Judges) {
  const std::string begin = "name = \"x\"\n";
  const std::string end = "[[invariant]]\nkind = \"accounting\"\n";
  const auto wrong = wrong_by_schema(begin + GetParam().text + end);
  EXPECT_THAT(wrong, GetParam().wrong.empty() ? ::testing::Matcher<std::vector<std::string>>(IsEmpty())
                                              : ::testing::ElementsAre(GetParam().wrong));
}

constexpr std::string_view kill = "[[step]]\nat = \"1s\"\nfault = \"process.kill\"\n";

INSTANTIATE_TEST_SUITE_P(
    , SchemaTest,
    ::testing::ValuesIn(std::vector<Written>{
        {"as_little_as_there_can_be", "", ""},
        {"an_unknown_key", "duraton = \"1s\"\n", ": unknown key duraton"},
        {"an_unknown_key_within", "[workload.queue]\ndurabel = true\n", "/workload/queue: unknown key durabel"},
        {"a_text_for_a_number", "[workload]\nrate = \"fast\"\n", "/workload/rate: is no number"},
        {"an_integer_for_a_number", "[workload]\nrate = 5\n", ""},
        {"a_fraction_for_an_integer", "[workload]\nproducers = 1.5\n", "/workload/producers: is no integer"},
        {"too_many_producers", "[workload]\nproducers = 65\n", "/workload/producers: out of range"},
        {"no_consumers", "[workload]\nconsumers = 0\n", ""},
        {"a_duration", "duration = \" 1.5 s\"\n", ""},
        {"a_duration_without_unit", "duration = \"5\"\n",
         R"(/duration: does not match ^ *[0-9]+(\.[0-9]+)? *(ns|us|ms|s|m|h) *$)"},
        {"an_unknown_choice", "[workload.queue]\ntype = \"stream\"\n",
         R"(/workload/queue/type: is not one of ["classic","quorum"])"},
        {"a_reserved_name", "[workload.queue]\nname = \"amq.x\"\n", "/workload/queue/name: does not match ^(?!amq\\.)"},
        {"a_tag_with_capitals", "tags = [\"A\"]\n", "/tags/0: does not match ^[a-z0-9-]+$"},
        {"a_tag_twice", "tags = [\"a\", \"a\"]\n", "/tags: an entry comes twice"},
        {"a_fault_with_its_parameter", std::string{kill} + "target = \"consumer-2\"\nsignal = \"SIGTERM\"\n", ""},
        {"a_fault_without_for", std::string{kill} + "target = \"producer\"\n", ""},
        {"an_unknown_signal", std::string{kill} + "target = \"producer\"\nsignal = \"KILL\"\n",
         "/step/0: 0 alternatives fit"},
        {"a_fault_on_the_wrong_part", std::string{kill} + "target = \"broker\"\n", "/step/0: 0 alternatives fit"},
        {"a_fault_on_processes_of_a_host",
         "[[step]]\nat = \"1s\"\nfault = \"process.pause\"\ntarget = \"local\"\nfor = \"1s\"\nname = \"nginx\"\n", ""},
        {"a_fault_on_no_host", "[[step]]\nat = \"1s\"\nfault = \"network.loss\"\ntarget = \"A B\"\nfor = \"1s\"\n",
         "/step/0: 0 alternatives fit"},
        {"a_fault_that_must_be_held", "[[step]]\nat = \"1s\"\nfault = \"broker.stop\"\ntarget = \"broker\"\n",
         "/step/0: 0 alternatives fit"},
        {"a_fault_that_cannot_be_held",
         "[[step]]\nat = \"1s\"\nfault = \"broker.restart\"\ntarget = \"broker\"\nfor = \"1s\"\n",
         "/step/0: 0 alternatives fit"},
        {"a_steady_state", "[[steady_state]]\nprobe = \"amqp.publish\"\ntolerance = { success = \">= 0.9\" }\n", ""},
        {"a_bound_without_operator", "[[steady_state]]\nprobe = \"amqp.publish\"\ntolerance = { success = \"0.9\" }\n",
         "/steady_state/0: 0 alternatives fit"},
        {"a_tolerance_of_nothing", "[[steady_state]]\nprobe = \"amqp.publish\"\ntolerance = {}\n",
         "/steady_state/0: 0 alternatives fit"},
        {"an_anomaly_of_another_kind", "[[invariant]]\nkind = \"order\"\nexpect = [\"lost\"]\n",
         "/invariant/0: 0 alternatives fit"},
        {"a_guarantee_that_is_missing", "[[invariant]]\nkind = \"delivery\"\n", "/invariant/0: 0 alternatives fit"},
    }),
    [](const auto& one) { return one.param.name; });

TEST(Schema, AsksForANameAndAnInvariant) {
  EXPECT_THAT(wrong_by_schema(""), ::testing::UnorderedElementsAre(": lacks name", ": lacks invariant"));
  EXPECT_THAT(wrong_by_schema("name = \"x\"\ninvariant = []\n"), ::testing::ElementsAre("/invariant: too few entries"));
}

TEST(Schema, HasEveryFaultProbeAndInvariantOnce) {
  const json::object schema = scenario_schema(real());
  const auto names = [&](const char* list, const char* discriminator) {
    std::vector<std::string> found;
    for (const auto& one : schema.at("properties").at(list).at("items").at("oneOf").as_array())
      found.emplace_back(one.at("properties").at(discriminator).at("const").as_string());
    return found;
  };
  std::vector<std::string> faults;
  for (const auto& fault : real().faults) faults.emplace_back(fault.name);
  EXPECT_EQ(names("step", "fault"), faults);
  EXPECT_EQ(names("steady_state", "probe").size(), real().probes.size());
  EXPECT_EQ(names("invariant", "kind").size(), real().invariants.size());
}

TEST(Keys, AreThereOnceEachBehindTheirTable) {
  std::set<std::string, std::less<>> seen{""};
  for (const auto& key : keys()) {
    const std::size_t dot = key.path.rfind('.');
    std::string table{dot == std::string_view::npos ? "" : key.path.substr(0, dot)};
    if (table.ends_with("[]")) table.resize(table.size() - 2);
    EXPECT_TRUE(seen.contains(table)) << key.path;
    EXPECT_TRUE(seen.insert(std::string{key.path}).second) << key.path << " comes twice";
    EXPECT_FALSE(key.what.empty()) << key.path;
  }
}

}  // namespace
}  // namespace troop::scenarios::test
