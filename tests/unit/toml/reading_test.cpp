// What a right file becomes, --set, and files that are no scenario at all.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "controller/probes/catalogue.hpp"
#include "reports/invariants/catalogue.hpp"
#include "tests/unit/toml/support.hpp"

namespace troop::scenarios::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

const std::string library = TROOP_SOURCE_DIR "/scenarios/library";
const std::string stop = library + "/broker/stop.toml";

/// The catalogue of the real program.
model::Catalogue real_catalogue() {
  return {.faults = model::faults(),
          .probes = controller::probes(),
          .invariants = {invariants::catalogue().begin(), invariants::catalogue().end()}};
}

TEST(Reading, fills_the_model_from_the_contract_file) {
  const auto reading = read_scenario(stop, real_catalogue());
  ASSERT_THAT(problems_of(reading.problems), IsEmpty());
  const auto& s = *reading.scenario;
  EXPECT_EQ(s.name, "broker-stop");
  EXPECT_EQ(s.title, "RabbitMQ stops for 5 s under load");
  EXPECT_THAT(s.tags, ElementsAre("broker", "gate"));
  EXPECT_EQ(s.duration, 20s);
  EXPECT_EQ(s.workload.producers, 2);
  EXPECT_EQ(s.workload.rate, 2000);
  EXPECT_EQ(s.workload.publish.confirm, model::Publish::Confirm::correlated);
  EXPECT_EQ(s.workload.publish.retry.max, 5s);
  EXPECT_EQ(s.workload.publish.retry.jitter, 0.2);
  EXPECT_EQ(s.workload.consume.ack, model::Consume::Ack::manual);
  ASSERT_EQ(s.steady_state.size(), 1U);
  EXPECT_EQ(s.steady_state[0].tolerance.at("success").op, model::Bound::Op::greater_equal);
  EXPECT_EQ(s.steady_state[0].tolerance.at("success").limit, 0.999);
  EXPECT_EQ(s.steady_state[0].tolerance.at("p99").op, model::Bound::Op::less);
  EXPECT_EQ(s.steady_state[0].tolerance.at("p99").limit, 0.5);
  ASSERT_EQ(s.steps.size(), 1U);
  EXPECT_EQ(s.steps[0].fault, "broker.stop");
  EXPECT_EQ(s.steps[0].period, Duration{5s});
  ASSERT_EQ(s.invariants.size(), 4U);
  EXPECT_EQ(s.invariants[1].kind, "order");
  EXPECT_EQ(std::get<std::string>(s.invariants[1].parameters.at("per")), "key");
  EXPECT_EQ(std::get<Duration>(s.invariants[3].parameters.at("within")), 10s);
  EXPECT_EQ(std::get<std::int64_t>(s.invariants[3].parameters.at("windows")), 3) << "defaults are filled in";
  EXPECT_EQ(reading.source, content(stop));
}

TEST(Reading, of_a_minimal_file_gives_the_documented_defaults) {
  const auto reading = read("name = \"x\"\n[[invariant]]\nkind = \"order\"\n");
  ASSERT_THAT(problems_of(reading.problems), IsEmpty());
  const auto& s = *reading.scenario;
  EXPECT_EQ(s.duration, 20s);
  EXPECT_EQ(s.workload.queue.name, "troop.work");
  EXPECT_EQ(s.workload.publish.retry.attempts, 20);
  EXPECT_EQ(s.broker.binary, "/usr/lib/rabbitmq/bin/rabbitmq-server");
}

TEST(Reading, orders_steps_by_their_time) {
  const auto reading = read(
      "name = 'x'\nstep = "
      "[{at='3s',fault='broker.restart',target='broker'},{at='1s',fault='process.kill',target='producer'}]\n"
      "[[invariant]]\nkind = 'order'\n");
  ASSERT_THAT(problems_of(reading.problems), IsEmpty());
  EXPECT_EQ(reading.scenario->steps[0].fault, "process.kill");
  EXPECT_EQ(std::get<std::string>(reading.scenario->steps[0].parameters.at("signal")), "SIGKILL");
  EXPECT_EQ(reading.scenario->steps[0].period, std::nullopt);
  EXPECT_EQ(reading.scenario->steps[1].at, 3s);
}

TEST(Library, every_file_is_valid) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{library}) {
    if (entry.path().extension() != ".toml") continue;
    ++files;
    const auto reading = read_scenario(entry.path(), real_catalogue());
    EXPECT_THAT(problems_of(reading.problems), IsEmpty()) << entry.path();
    if (!reading.scenario) continue;
    EXPECT_FALSE(reading.scenario->title.empty()) << entry.path();
    EXPECT_FALSE(reading.scenario->hypothesis.empty()) << entry.path();
    EXPECT_FALSE(reading.scenario->invariants.empty()) << entry.path();
  }
  EXPECT_GE(files, 6U);
}

TEST(Override, addresses_every_key_by_its_path) {
  const std::vector<Override> overrides{{"workload.rate", "500"},
                                        {"step.0.for", "2s"},
                                        {"invariant.3.within", "20s"},
                                        {"workload.publish.retry.max", "1s"},
                                        {"workload.consume.work", "5ms"},
                                        {"system.broker.port", "5673"},
                                        {"workload.queue.durable", "true"},
                                        {"steady_state.0.tolerance.p99", "< 1s"},
                                        {"tags", "[\"one\", \"two\"]"},
                                        {"tags.0", "three"},
                                        {"name", "42"},
                                        {"title", ""}};
  const auto reading = read_scenario(stop, catalogue(), overrides);
  ASSERT_THAT(problems_of(reading.problems), IsEmpty());
  const auto& s = *reading.scenario;
  EXPECT_EQ(s.workload.rate, 500);
  EXPECT_EQ(s.steps[0].period, Duration{2s});
  EXPECT_EQ(std::get<Duration>(s.invariants[3].parameters.at("within")), 20s);
  EXPECT_EQ(s.workload.publish.retry.max, 1s);
  EXPECT_EQ(s.workload.consume.work, 5ms);
  EXPECT_EQ(s.broker.port, 5673);
  EXPECT_EQ(s.steady_state[0].tolerance.at("p99").limit, 1.0);
  EXPECT_THAT(s.tags, ElementsAre("three", "two"));
  EXPECT_EQ(s.name, "42") << "what is set for a text is text";
  EXPECT_EQ(s.title, "");
}

TEST(Override, is_named_as_the_place_of_its_mistake) {
  const auto problem_with = [](std::string key, std::string value) {
    const std::vector<Override> overrides{{std::move(key), std::move(value)}};
    return problems_of(read_scenario(stop, catalogue(), overrides).problems);
  };
  EXPECT_THAT(problem_with("workload.rate", "fast"),
              ElementsAre("--set workload.rate: 'rate': expected a number, found the text \"fast\""));
  EXPECT_THAT(problem_with("workload.ratee", "1"),
              ElementsAre("--set workload.ratee: unknown key \"ratee\" in [workload], did you mean 'rate'?"));
  EXPECT_THAT(problem_with("sytsem.broker.port", "1"),
              ElementsAre("--set sytsem.broker.port: unknown key \"sytsem\" in a scenario, did you mean 'system'?"));
  EXPECT_THAT(problem_with("step.1.for", "2s"),
              ElementsAre("--set step.1.for: there is no step.1: 'step' has 1 entries, counted from 0"));
  EXPECT_THAT(problem_with("step.for", "2s"),
              ElementsAre("--set step.for: 'step' is a list; its entries are step.0, step.1 …"));
  EXPECT_THAT(problem_with("workload.rate.x", "2"),
              ElementsAre("--set workload.rate.x: 'workload.rate' is a value, not a table"));
  EXPECT_THAT(problem_with("workload.queue", "3"),
              ElementsAre("--set workload.queue: 'queue': expected a table, found the integer 3"));
  EXPECT_THAT(problem_with("invariant.1.per", "queue"),
              testing::Each(testing::StartsWith("--set invariant.1.per: order per \"queue\" cannot be kept")));
  EXPECT_THAT(problem_with("step.0.at", "1s\nfor = 3"), testing::SizeIs(1)) << "a value cannot smuggle keys in";
}

TEST(Override, is_never_shown_with_its_value) {
  const std::string secret = "amqp://user:S3CRET@h:5672";
  std::vector<std::string> said;
  for (const std::string key :
       {"system.broker.attach.url_from", "system.broker.attach.url_form", "system.broker.attach", "system.broker",
        "system.broker.kind", "workload.rate", "workload.rate.x", "name", "workload.consume.ack",
        "invariant.0.guarantee", "step.0.fault", "step.0.for", "step.7.for", "step.0.target",
        "workload.publish.delays.0", "steady_state.0.tolerance.p99"}) {
    for (const std::string& value : {secret, secret + "\x01", "\"" + secret + "\"", "[\"" + secret + "\"]"}) {
      const std::vector<Override> overrides{{key, value}};
      const auto problems = problems_of(read_scenario(stop, catalogue(), overrides).problems);
      EXPECT_THAT(problems, testing::Not(IsEmpty())) << key << '=' << value;
      said.insert(said.end(), problems.begin(), problems.end());
    }
  }
  for (const std::string& text : {secret + "?x=1", "system.broker.attach.url_from:" + secret, secret,
                                  "system.broker.attach.url_from=" + secret + "\x01", "a b=" + secret}) {
    const auto parsed = parse_override(text);
    ASSERT_TRUE(parsed.has_error()) << text;
    said.push_back(parsed.error().context);
  }
  EXPECT_THAT(said, testing::Each(testing::Not(testing::HasSubstr("S3CRET"))));
  EXPECT_THAT(said,
              testing::Contains(testing::StartsWith("--set system.broker.attach.url_from: 'url_from' must say where")));
}

TEST(Override, of_a_list_that_the_file_lacks_is_refused) {
  const std::vector<Override> overrides{{"step.0.for", "2s"}};
  EXPECT_THAT(problems_of(read("name = 'x'\n[[invariant]]\nkind = 'order'\n", overrides).problems),
              ElementsAre("--set step.0.for: there is no [[step]] in the file"));
}

TEST(Override, text_is_split_at_the_first_equals_sign) {
  EXPECT_EQ(parse_override("a.b=c=d").value().key, "a.b");
  EXPECT_EQ(parse_override("a.b=c=d").value().value, "c=d");
  EXPECT_EQ(parse_override("a=").value().value, "");
  for (const auto* bad : {"", "a", "=1", ".a=1", "a.=1", "a..b=1", "a b=1", "a\x1b=1", "a=\n"}) {
    EXPECT_FALSE(parse_override(bad).has_value()) << bad;
  }
}

class NoScenario : public testing::Test {
 protected:
  std::string message(const std::filesystem::path& path) {
    const auto reading = read_scenario(path, catalogue());
    EXPECT_FALSE(reading.scenario.has_value());
    EXPECT_EQ(reading.problems.size(), 1U);
    return reading.problems.empty() ? "" : reading.problems[0].message;
  }
  Folder folder;
};

TEST_F(NoScenario, is_what_is_not_a_readable_text_file) {
  EXPECT_EQ(message(folder.path() / "none.toml"), "cannot be read: No such file or directory");
  EXPECT_EQ(message(folder.path()), "this is a folder, not a scenario file");
  const auto pipe = folder.path() / "pipe.toml";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(message(pipe), "this is not a regular file");
  EXPECT_EQ(message("/dev/zero"), "this is not a regular file");
  EXPECT_EQ(message(folder.write("empty.toml", "")),
            "the file is empty; `troop new NAME` writes a scenario to start from");
  EXPECT_EQ(message(folder.write("blank.toml", "\n \n")),
            "the file is empty; `troop new NAME` writes a scenario to start from");
}

TEST_F(NoScenario, is_what_is_too_big_binary_or_no_text) {
  EXPECT_EQ(message(folder.write("big.toml", std::string(10'000'000, 'x'))),
            "not a scenario: more than 1024 KiB; scenarios are a few KiB");
  EXPECT_EQ(message(folder.write("binary.toml", std::string("\x7f"
                                                            "ELF\x00\x01",
                                                            6))),
            "not a scenario: this is a binary file");
  EXPECT_EQ(message(folder.write("latin1.toml", "name = \"caf\xe9\"\n")), "not a scenario: not UTF-8 text");
  EXPECT_EQ(message(folder.write("surrogate.toml", "name = \"\xed\xa0\x80\"\n")), "not a scenario: not UTF-8 text");
}

TEST_F(NoScenario, is_what_nests_without_end) {
  std::string dotted = "a";
  for (int i = 0; i < 400'000; ++i) dotted += ".a";
  EXPECT_EQ(message(folder.write("dotted.toml", dotted + " = 1\n")),
            "not a scenario: a line of 800005 bytes, at most 4096 are read");
  std::string lists;
  for (int i = 0; i < 1000; ++i) lists += "[[[\n";
  EXPECT_THAT(message(folder.write("lists.toml", "a = " + lists)), testing::HasSubstr("exceeded maximum"));
  std::string tables;
  for (int i = 0; i < 2000; ++i) tables += "a.";
  EXPECT_NE(message(folder.write(
                "tables.toml", "name = 'x'\n[[invariant]]\nkind = 'order'\n[" + tables + "a]\n" + tables + "b = 1\n")),
            "");
}

TEST(Invariants, are_read_alone_or_from_a_whole_scenario) {
  const Folder folder;
  const auto alone =
      read_invariants(folder.write("i.toml", "[[invariant]]\nkind = \"order\"\nper = \"queue\"\n"), catalogue());
  ASSERT_THAT(problems_of(alone.problems), IsEmpty());
  ASSERT_EQ(alone.invariants.size(), 1U);
  EXPECT_EQ(alone.invariants[0].kind, "order");
  const auto whole = read_invariants(stop, catalogue());
  EXPECT_THAT(problems_of(whole.problems), IsEmpty());
  EXPECT_EQ(whole.invariants.size(), 4U);
}

TEST(Invariants, of_a_broken_file_are_none) {
  const Folder folder;
  const auto problems = [&](const std::string& text) {
    const auto reading = read_invariants(folder.write("i.toml", text), catalogue());
    EXPECT_THAT(reading.invariants, IsEmpty());
    return problems_of(reading.problems);
  };
  EXPECT_THAT(problems("[[invarant]]\nkind = \"order\"\n"),
              ElementsAre("1:1: a list of invariants has no 'invariant': a run that claims nothing proves nothing",
                          "1:3: unknown key \"invarant\" in a list of invariants, did you mean 'invariant'?"));
  EXPECT_THAT(problems("name = \"X\"\n[[invariant]]\nkind = \"order\"\n"),
              ElementsAre("1:8: 'name': \"X\" must be of a-z, 0-9 and - only"));
  EXPECT_THAT(problems("[[invariant]]\nkind = \"order\n"), testing::SizeIs(1));
  EXPECT_THAT(problems("# nothing\n"),
              ElementsAre("1:1: a list of invariants has no 'invariant': a run that claims nothing proves nothing"));
  EXPECT_THAT(problems("invariant = []\n"), testing::SizeIs(1));
}

}  // namespace
}  // namespace troop::scenarios::test
