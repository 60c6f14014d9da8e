#include "agents/protocol/messages.hpp"

#include <gmock/gmock.h>

#include <functional>
#include <set>

namespace troop::protocol {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

/// Through text, as it travels.
json::value travelled(const json::object& object) { return json::parse(json::serialize(object)); }

model::Broker unusual_broker() {
  model::Broker broker;
  broker.managed = false;
  broker.port = 65535;
  broker.binary = "/opt/rabbit \"4\"/bin/server\n";
  broker.start_timeout = 90s;
  broker.plugins = {"rabbitmq_one", "two"};
  broker.plugins_dir = "/opt/more plugins";
  broker.disk_mib = 160;
  broker.nodes_on = {"mq-1", "mq-2"};
  broker.on_partition = model::Broker::OnPartition::autoheal;
  broker.net_ticktime = 7s;
  auto& attach = broker.attach.emplace();
  attach.url_from = "env:TROOP_URL";
  attach.management_from = "file:/etc/troop/management";
  attach.ca_file = "/etc/troop/ca.pem";
  attach.vhost = "a/b \"c\"";
  attach.create = true;
  attach.shared_vhost = true;
  attach.allow = {"broker.stop", "broker.purge"};
  attach.control = {"unit", "container", "/run/pid", "command"};
  return broker;
}

/// No field has its default.
model::Workload unusual_workload() {
  model::Workload w;
  w.kind = "other";
  w.producers = 3;
  w.consumers = 0;
  w.producers_on = {"app", "web"};
  w.consumers_on = {"mq"};
  w.rate = 1234.5;
  w.payload_bytes = 0;
  w.keys = 7;
  w.exchange = {"x", model::Exchange::Type::topic, false, false, false};
  w.queue = {"q-\xc3\xa9",
             model::Queue::Type::quorum,
             false,
             3,
             true,
             true,
             "mq-2",
             true,
             9,
             5s,
             10s,
             77,
             model::Queue::Overflow::reject_publish_dlx,
             4,
             model::DeadLetter{"dlx", "dead", false}};
  w.publish.persistent = false;
  w.publish.confirm = model::Publish::Confirm::none;
  w.publish.window = 9;
  w.publish.mandatory = false;
  w.publish.priorities = 3;
  w.publish.expiration = 4s;
  w.publish.delays = {1s, 2500ms};
  w.publish.delays_by = model::Publish::DelaysBy::plugin;
  w.publish.retry = {4, 1ms, 1.5, 77ms, 0.75, 3s, true};
  w.consume = {.ack = model::Consume::Ack::automatic,
               .ack_when = model::Consume::AckWhen::before,
               .prefetch = 0,
               .work = 5ms,
               .effects = true,
               .poison_every = 7,
               .attempts = 3,
               .on_failure = model::Consume::OnFailure::republish,
               .error = {"errors", "given-up", false},
               .idempotency = model::Consume::Idempotency::status};
  w.profile = {{1s, 10, 0s}, {2s, 20.5, 500ms}};
  return w;
}

StepOrder full_step() {
  StepOrder step;
  step.number = 12;
  step.fault = "process.kill";
  step.victim = "consumer-2";
  step.seed = 0xFEDCBA9876543210;
  step.period = 1500ms;
  step.parameters = {{"flag", true},
                     {"count", std::int64_t{-3}},
                     {"whole", 2.0},
                     {"share", 0.25},
                     {"wait", Duration{250ms}},
                     {"signal", std::string{"SIGTERM"}},
                     {"list", std::vector<std::string>{"a", "b"}},
                     {"none", std::vector<std::string>{}}};
  return step;
}

TEST(BrokerMessageTest, ComesBackAsItWas) {
  for (const auto& sent : {model::Broker{}, unusual_broker()}) {
    const auto got = broker_from_json(travelled(to_json(sent)));
    ASSERT_TRUE(got) << got.error().context;
    EXPECT_EQ(got.value().kind, sent.kind);
    EXPECT_EQ(got.value().managed, sent.managed);
    EXPECT_EQ(got.value().port, sent.port);
    EXPECT_EQ(got.value().binary, sent.binary);
    EXPECT_EQ(got.value().start_timeout, sent.start_timeout);
    EXPECT_EQ(got.value().plugins, sent.plugins);
    EXPECT_EQ(got.value().plugins_dir, sent.plugins_dir);
    EXPECT_EQ(got.value().nodes_on, sent.nodes_on);
    EXPECT_EQ(got.value().on_partition, sent.on_partition);
    EXPECT_EQ(got.value().net_ticktime, sent.net_ticktime);
    EXPECT_EQ(got.value().disk_mib, sent.disk_mib);
    EXPECT_EQ(got.value().attach, sent.attach);
  }
}

TEST(WorkloadMessageTest, ComesBackAsItWas) {
  for (const auto& sent : {model::Workload{}, unusual_workload()}) {
    const auto read = workload_from_json(travelled(to_json(sent)));
    ASSERT_TRUE(read) << read.error().context;
    EXPECT_TRUE(read.value() == sent);
  }
}

TEST(StepMessageTest, ComesBackAsItWasWithTheTypeOfEachParameter) {
  for (const auto& sent : {StepOrder{1, "broker.stop", "broker", std::nullopt, {}}, full_step()}) {
    const auto got = step_from_json(travelled(to_json(sent)));
    ASSERT_TRUE(got) << got.error().context;
    EXPECT_EQ(got.value().number, sent.number);
    EXPECT_EQ(got.value().fault, sent.fault);
    EXPECT_EQ(got.value().victim, sent.victim);
    EXPECT_EQ(got.value().period, sent.period);
    EXPECT_EQ(got.value().parameters, sent.parameters);
    EXPECT_EQ(got.value().seed, sent.seed);
  }
}

TEST(ErrorMessageTest, ComesBackAsItWas) {
  for (int kind = 0; kind <= static_cast<int>(ErrorKind::cancelled); ++kind) {
    const Error sent{static_cast<ErrorKind>(kind), "port 5672 is \"in use\""};
    const Error got = error_from_json(travelled(to_json(sent)));
    EXPECT_EQ(got.kind, sent.kind);
    EXPECT_EQ(got.context, sent.context);
  }
}

TEST(ErrorMessageTest, IsAnErrorOfTheProtocolWhereItIsWrongItself) {
  for (const char* text : {"{}", "[]", "null", "7", R"({"kind":0})", R"({"kind":"0","message":"m"})",
                           R"({"kind":-1,"message":"m"})", R"({"kind":6,"message":"m"})", R"({"message":"m"})"}) {
    const Error got = error_from_json(json::parse(text));
    EXPECT_EQ(got.kind, ErrorKind::protocol) << text;
    EXPECT_FALSE(got.context.empty()) << text;
  }
}

using Parse = std::function<std::optional<Error>(const json::value&)>;

template <class T>
Parse parser(Result<T> (*from)(const json::value&)) {
  return [from](const json::value& value) {
    auto read = from(value);
    return read.has_error() ? std::optional{read.error()} : std::nullopt;
  };
}

/// Calls `visit` with every field of `object` and of the objects in it.
void every_field(json::object& object, const std::function<void(json::object&, const std::string&)>& visit) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object) names.emplace_back(name);
  for (const auto& name : names) {
    visit(object, name);
    if (auto* inner = object[name].if_object(); inner != nullptr && name != "parameters") every_field(*inner, visit);
  }
}

/// Fields that say with null that they are not set.
const std::set<std::string> nullable{"message_ttl",    "expires",     "max_length",
                                     "delivery_limit", "dead_letter", "expiration"};

/// How many fields were tried. `optional` may be missing.
int expect_each_field_needed(const json::object& sent, const Parse& parse, std::string_view optional = {}) {
  json::object whole = travelled(sent).get_object();
  int tried = 0;
  every_field(whole, [&](json::object& holder, const std::string& name) {
    SCOPED_TRACE(name);
    ++tried;
    const json::value right = holder.at(name);
    std::vector<json::value> wrong{json::array{-1}};
    if (!nullable.contains(name)) wrong.emplace_back(nullptr);
    if (!right.is_string()) wrong.emplace_back("12");
    if (!right.is_bool()) wrong.emplace_back(true);
    if (!right.is_number()) wrong.emplace_back(1);
    if (right.is_int64()) wrong.insert(wrong.end(), {1.5, std::uint64_t{1} << 63U});
    if (!right.is_object()) wrong.emplace_back(json::object{{"ns", 1}});
    for (const auto& value : wrong) {
      holder[name] = value;
      const auto error = parse(whole);
      ASSERT_TRUE(error) << json::serialize(value) << " was taken";
      EXPECT_EQ(error->kind, ErrorKind::protocol);
      EXPECT_THAT(error->context, testing::HasSubstr("'" + name + "'"));
    }
    holder.erase(name);
    EXPECT_EQ(parse(whole).has_value(), name != optional) << "without it";
    holder[name] = right;
    ASSERT_FALSE(parse(whole)) << "put back as it was";
  });
  return tried;
}

TEST(EveryFieldTest, OfABrokerIsNeededAndTyped) {
  EXPECT_EQ(expect_each_field_needed(to_json(model::Broker{}), parser(broker_from_json)), 12);
}

TEST(EveryFieldTest, OfAWorkloadIsNeededAndTyped) {
  EXPECT_EQ(expect_each_field_needed(to_json(unusual_workload()), parser(workload_from_json)), 65);
}

TEST(EveryFieldTest, OfAHostIsNeededAndTyped) {
  const Parse parse = [](const json::value& host) { return parser(hosts_from_json)(json::array{host}); };
  EXPECT_EQ(expect_each_field_needed(to_json(model::Host{"mq", "blue", "10.1.2.3"}), parse), 3);
}

TEST(HostsTest, ArriveAsTheyWereSent) {
  const std::vector<model::Host> sent{{"mq", {}, "10.203.0.1"}, {"app", "blue", "10.1.2.3"}};
  const auto got = hosts_from_json(json::array{to_json(sent[0]), to_json(sent[1])});
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got.value(), sent);
  EXPECT_TRUE(hosts_from_json(json::value{}).has_error());
  EXPECT_TRUE(hosts_from_json(json::array(257, to_json(sent[0]))).has_error());
}

TEST(EveryFieldTest, OfAPlaceIsNeededAndTyped) {
  const Parse parse = [](const json::value& host) { return parser(places_from_json)(json::array{host}); };
  EXPECT_EQ(expect_each_field_needed(to_json(HostPlace{"mq", "blue", "10.1.2.3", "fd00::1"}), parse), 4);
}

TEST(PlacesTest, ArriveAsTheyWereSent) {
  const std::vector<HostPlace> sent{{"mq", {}, "10.203.0.1", "fd8a:3c5e:b1f0::1"}, {"app", "blue", "10.1.2.3", {}}};
  const auto got = places_from_json(json::array{to_json(sent[0]), to_json(sent[1])});
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got.value(), sent);
  for (const char* wrong : {"10.1.2.3", "fd00::1%eth0", "fd00::1/64"}) {
    EXPECT_TRUE(places_from_json(json::array{to_json(HostPlace{"mq", {}, {}, wrong})}).has_error()) << wrong;
  }
}

TEST(EveryFieldTest, OfAStepIsNeededAndTyped) {
  EXPECT_EQ(expect_each_field_needed(to_json(full_step()), parser(step_from_json), "period"), 6);
}

TEST(MessageTest, IsRefusedWhereItIsNoObject) {
  for (const char* text : {"null", "[]", "7", "\"x\"", "true"}) {
    const json::value value = json::parse(text);
    for (const auto& parse : {parser(broker_from_json), parser(workload_from_json), parser(step_from_json)}) {
      const auto error = parse(value);
      ASSERT_TRUE(error) << text;
      EXPECT_EQ(error->kind, ErrorKind::protocol) << text;
    }
  }
}

TEST(StepMessageTest, RefusesParametersOfNoKnownType) {
  for (const char* text :
       {"null", "{}", R"({"ns":"1"})", R"({"ns":1.5})", "[1]", R"(["a",null])", "18446744073709551615"}) {
    json::object step = to_json(full_step());
    step["parameters"].as_object()["odd"] = json::parse(text);
    const auto got = step_from_json(step);
    ASSERT_TRUE(got.has_error()) << text;
    EXPECT_EQ(got.error().kind, ErrorKind::protocol);
    EXPECT_THAT(got.error().context, testing::HasSubstr("'odd'"));
  }
}

struct OutOfRange {
  const char* name;
  const char* pointer;
  json::value value;
  bool refused = true;
};

void PrintTo(const OutOfRange& c, std::ostream* out) { *out << c.name; }

class WorkloadRangeTest : public testing::TestWithParam<OutOfRange> {};

TEST_P(WorkloadRangeTest, IsKept) {
  json::value workload = to_json(model::Workload{});
  workload.at_pointer(GetParam().pointer) = GetParam().value;
  const auto got = workload_from_json(travelled(workload.get_object()));
  ASSERT_EQ(got.has_error(), GetParam().refused);
  if (got.has_error()) {
    EXPECT_EQ(got.error().kind, ErrorKind::protocol);
  }
}

INSTANTIATE_TEST_SUITE_P(, WorkloadRangeTest,
                         testing::ValuesIn(std::vector<OutOfRange>{
                             {"producers_negative", "/producers", -1},
                             {"producers_none", "/producers", 0, false},
                             {"producers_most", "/producers", 1000, false},
                             {"producers_too_many", "/producers", 1001},
                             {"consumers_negative", "/consumers", -1},
                             {"consumers_too_many", "/consumers", 1001},
                             {"rate_negative", "/rate", -0.5},
                             {"rate_as_an_integer", "/rate", 2000, false},
                             {"rate_beyond_measure", "/rate", 1e300},
                             {"payload_negative", "/payload_bytes", -1},
                             {"payload_beyond_memory", "/payload_bytes", std::int64_t{1} << 40U},
                             {"keys_none", "/keys", 0},
                             {"keys_too_many", "/keys", std::int64_t{1} << 31U},
                             {"queue_type_unknown", "/queue/type", 2},
                             {"queue_type_negative", "/queue/type", -1},
                             {"confirm_unknown", "/publish/confirm", 3},
                             {"confirm_last", "/publish/confirm", 2, false},
                             {"window_none", "/publish/window", 0},
                             {"window_beyond_memory", "/publish/window", INT64_MAX},
                             {"attempts_none", "/publish/retry/attempts", 0},
                             {"attempts_too_many", "/publish/retry/attempts", 65536},
                             {"initial_negative", "/publish/retry/initial", -1},
                             {"max_negative", "/publish/retry/max", INT64_MIN},
                             {"multiplier_negative", "/publish/retry/multiplier", -2.0},
                             {"multiplier_beyond_measure", "/publish/retry/multiplier", 1e300},
                             {"jitter_negative", "/publish/retry/jitter", -0.1},
                             {"jitter_whole", "/publish/retry/jitter", 1, false},
                             {"jitter_beyond_one", "/publish/retry/jitter", 1.1},
                             {"timeout_none", "/publish/retry/timeout", 0},
                             {"ack_unknown", "/consume/ack", 3},
                             {"prefetch_unlimited", "/consume/prefetch", 0, false},
                             {"prefetch_too_much", "/consume/prefetch", 65536},
                             {"work_negative", "/consume/work", -1},
                         }),
                         [](const auto& each) { return std::string{each.param.name}; });

TEST(BrokerMessageTest, RefusesPortsThatAreNone) {
  for (const std::int64_t port : {std::int64_t{-1}, std::int64_t{65536}, INT64_MAX}) {
    json::object broker = to_json(model::Broker{});
    broker["port"] = port;
    EXPECT_TRUE(broker_from_json(broker).has_error()) << port;
  }
  json::object broker = to_json(model::Broker{});
  broker["start_timeout"] = -1;
  EXPECT_TRUE(broker_from_json(broker).has_error());
}

TEST(BrokerMessageTest, RefusesPluginsThatAreNoNames) {
  for (const char* const name : {"", "Upper", "1st", "a]. [b", "a-b", "a b", "../a", "a,b"}) {
    json::object broker = to_json(model::Broker{});
    broker["plugins"] = json::array{name};
    EXPECT_TRUE(broker_from_json(broker).has_error()) << name;
  }
}

TEST(StepMessageTest, RefusesATimeBeforeItsStart) {
  json::object step = to_json(full_step());
  step["period"] = -1;
  EXPECT_TRUE(step_from_json(step).has_error());
}

TEST(ParseMessageTest, TakesObjectsOnly) {
  EXPECT_TRUE(parse_message("{}"));
  EXPECT_EQ(parse_message(R"({"a":{"b":[1]}})").value().at("a").at("b").as_array().size(), 1U);
  for (const char* text : {"", " ", "null", "[]", "7", "\"{}\"", "{", "{}{}", "{} x", R"({"a":})", R"({a:1})",
                           R"({"a":1,})", "{\"a\":\"\xff\"}"}) {
    const auto got = parse_message(text);
    ASSERT_TRUE(got.has_error()) << text;
    EXPECT_EQ(got.error().kind, ErrorKind::protocol) << text;
  }
}

TEST(ParseMessageTest, RefusesDeepNestingInsteadOfRunningOutOfStack) {
  const auto nested = [](std::size_t depth) {
    return R"({"a":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(parse_message(nested(10)));
  for (const std::size_t depth : {20U, 1000U, 500'000U}) {
    const auto got = parse_message(nested(depth));
    ASSERT_TRUE(got.has_error()) << depth;
    EXPECT_EQ(got.error().kind, ErrorKind::protocol);
  }
}

TEST(FieldsOfAMessageTest, AreThereAndOfTheirType) {
  const json::object message =
      json::parse(R"({"n":7,"t":"x","d":1.5,"u":18446744073709551615,"o":{},"z":null})").as_object();
  EXPECT_EQ(integer_field(message, "n").value(), 7);
  EXPECT_EQ(text_field(message, "t").value(), "x");
  for (const char* name : {"t", "d", "u", "o", "z", "missing"}) {
    const auto got = integer_field(message, name);
    ASSERT_TRUE(got.has_error()) << name;
    EXPECT_EQ(got.error().kind, ErrorKind::protocol);
    EXPECT_THAT(got.error().context, testing::HasSubstr(name));
  }
  for (const char* name : {"n", "d", "o", "z", "missing"}) {
    const auto got = text_field(message, name);
    ASSERT_TRUE(got.has_error()) << name;
    EXPECT_EQ(got.error().kind, ErrorKind::protocol);
  }
}

}  // namespace
}  // namespace troop::protocol
