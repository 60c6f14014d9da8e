// Every kind of mistake, with the exact place and words.
#include <gmock/gmock.h>

#include "tests/unit/toml/support.hpp"

namespace troop::scenarios::test {
namespace {

using testing::ElementsAre;

// Line 1 is free for a root key; the lines of `extra` begin at line 5.
constexpr std::string_view minimal = R"(name = "x"
[[invariant]]
kind = "delivery"
guarantee = "at-least-once"
)";

struct Case {
  std::string name, extra, expected;
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.extra; }
};

class MistakeTest : public testing::TestWithParam<Case> {};

TEST_P(MistakeTest, is_reported_once_with_its_place) {
  const auto reading = read(std::string{minimal} + GetParam().extra);
  EXPECT_FALSE(reading.scenario.has_value());
  EXPECT_THAT(problems_of(reading.problems), ElementsAre(GetParam().expected));
}

INSTANTIATE_TEST_SUITE_P(
    , MistakeTest,
    testing::ValuesIn(std::vector<Case>{
        {"unknown_section", "[wrokload]\n", "5:2: unknown key \"wrokload\" in a scenario, did you mean 'workload'?"},
        {"unknown_key_far_from_all", "[system.broker]\nzzzzzz = 1\n",
         "6:1: unknown key \"zzzzzz\" in [system.broker]; known: kind, managed, attach, port, binary, "
         "start_timeout, plugins, plugins_dir, disk_mib, host, on_partition, net_ticktime, nodes_on"},
        {"plugin_that_is_no_name", "[system.broker]\nplugins = [\"a-b\"]\n",
         "6:12: \"a-b\" is no name of a plugin, such as \"rabbitmq_delayed_message_exchange\""},
        {"plugins_in_no_place", "[system.broker]\nplugins_dir = \"plugins\"\n",
         "6:15: 'plugins_dir' must be an absolute path without colons"},
        {"delays_by_a_plugin_that_is_not_enabled",
         "[workload.publish]\ndelays = [\"1s\"]\ndelays_by = \"plugin\"\nmandatory = false\n",
         "7:13: the broker would not have that plugin: add plugins = "
         "[\"rabbitmq_delayed_message_exchange\"] to [system.broker]"},
        {"delays_by_the_plugin_of_others",
         "[workload.publish]\ndelays = [\"1s\"]\ndelays_by = \"plugin\"\nmandatory = false\n"
         "[system.broker.attach]\nurl_from = \"env:TROOP_URL\"\nmanagement_from = \"env:TROOP_MANAGEMENT\"\nvhost = "
         "\"troop\"\n",
         "7:13: on a broker that others run nobody could take back what the plugin still holds when a run is ended: "
         "use "
         "\"queues\""},
        {"a_mandatory_message_that_the_plugin_delays",
         "[workload.publish]\ndelays = [\"1s\"]\ndelays_by = \"plugin\"\nmandatory = true\n[system.broker]\nplugins = "
         "[\"rabbitmq_delayed_message_exchange\"]\n",
         "8:13: the delayed-message plugin returns every message that it delays, as if no queue took it: use mandatory "
         "= "
         "false"},
        {"no_delays_by_the_plugin",
         "[workload.publish]\ndelays_by = \"plugin\"\n[system.broker]\nplugins = "
         "[\"rabbitmq_delayed_message_exchange\"]\n",
         "6:13: nothing is delayed: say how long in 'delays'"},
        {"unknown_key_in_workload", "[workload]\n  prodcers = 2\n",
         "6:3: unknown key \"prodcers\" in [workload], did you mean 'producers'?"},
        {"unknown_key_in_retry", "[workload.publish]\nretry = { attempt = 3 }\n",
         "6:11: unknown key \"attempt\" in [workload.publish.retry], did you mean 'attempts'?"},
        {"text_for_number", "[workload]\nrate = \"fast\"\n", "6:8: 'rate': expected a number, found the text \"fast\""},
        {"number_for_integer", "[workload]\nkeys = 1.5\n", "6:8: 'keys': expected an integer, found the number 1.5"},
        {"integer_for_text", "[workload.queue]\nname = 7\n",
         "6:8: 'name': expected text in quotes, found the integer 7"},
        {"date_for_text", "[workload.queue]\nname = 1979-05-27\n",
         "6:8: 'name': expected text in quotes, found a date or time"},
        {"text_for_boolean", "[workload.queue]\ndurable = \"yes\"\n",
         "6:11: 'durable': expected true or false, found the text \"yes\""},
        {"integer_for_duration", "[workload.consume]\nwork = 5\n",
         "6:8: 'work': expected a duration in quotes, such as \"5s\", found the integer 5"},
        {"value_for_table", "[workload]\nqueue = 1\n", "6:9: 'queue': expected a table, found the integer 1"},
        {"table_for_list_of_tables", "[step]\nat = \"1s\"\n",
         "5:1: 'step': expected a list of tables, [[step]], found a table"},
        {"list_of_values_for_tables",
         "[workload]\n[system]\n[[steady_state]]\nprobe = [1]\ntolerance = { p99 = \"< 1s\" }\n",
         "8:9: 'probe': expected text in quotes, found a list"},
        {"duration_without_unit", "[workload.consume]\nwork = \"5\"\n",
         "6:8: 'work': \"5\" has no unit; a duration is a number and one of ns, us, ms, s, m, h, such as \"200ms\""},
        {"duration_of_nonsense", "[workload.consume]\nwork = \"5 parsecs\"\n",
         "6:8: 'work': \"5 parsecs\" is not a duration: a number and one of ns, us, ms, s, m, h, such as \"200ms\""},
        {"duration_negative", "[workload.consume]\nwork = \"-1s\"\n",
         "6:8: 'work': \"-1s\" is negative; a duration is not"},
        {"duration_too_long", "[workload.consume]\nwork = \"25h\"\n", "6:8: 'work': \"25h\" is longer than 24h"},
        {"duration_out_of_range", "[workload.consume]\nwork = \"2h\"\n",
         "6:8: 'work': 7200s is out of range, 0s to 3600s"},
        {"no_producer", "[workload]\nproducers = 0\n", "6:13: 'producers': 0 is out of range, 1 to 64"},
        {"too_many_consumers", "[workload]\nconsumers = 65\n", "6:13: 'consumers': 65 is out of range, 0 to 64"},
        {"rate_not_a_number", "[workload]\nrate = nan\n", "6:8: 'rate': nan is out of range, 0 to 1000000"},
        {"rate_infinite", "[workload]\nrate = inf\n", "6:8: 'rate': inf is out of range, 0 to 1000000"},
        {"rate_negative", "[workload]\nrate = -1\n", "6:8: 'rate': -1 is out of range, 0 to 1000000"},
        {"payload_too_big", "[workload]\npayload_bytes = 1048577\n",
         "6:17: 'payload_bytes': 1048577 is out of range, 0 to 1048576"},
        {"window_too_small", "[workload.publish]\nwindow = 0\n", "6:10: 'window': 0 is out of range, 1 to 65535"},
        {"prefetch_too_big", "[workload.consume]\nprefetch = 65536\n",
         "6:12: 'prefetch': 65536 is out of range, 0 to 65535"},
        {"fewer_keys_than_producers", "[workload]\nproducers = 4\nkeys = 3\n",
         "7:8: 3 keys for 4 producers: each key belongs to one producer, so there must be at least as many"},
        {"unknown_confirm", "[workload.publish]\nconfirm = \"simpel\"\n",
         "6:11: 'confirm': \"simpel\" is not one of none, simple, correlated, did you mean 'simple'?"},
        {"unknown_ack", "[workload.consume]\nack = \"automatic\"\n",
         "6:7: 'ack': \"automatic\" is not one of none, manual, auto"},
        {"unknown_queue_type", "[workload.queue]\ntype = \"stream\"\n",
         "6:8: 'type': \"stream\" is not one of classic, quorum"},
        {"unknown_broker", "[system.broker]\nkind = \"kafka\"\n", "6:8: 'kind': \"kafka\" is not one of rabbitmq"},
        {"broker_of_nobody", "[system.broker]\nmanaged = false\n",
         "6:11: 'managed': without a broker of its own a run needs [system.broker.attach]"},
        {"relative_ca_file",
         "[system.broker.attach]\nurl_from = \"env:TROOP_URL\"\nmanagement_from = \"env:TROOP_MANAGEMENT\"\nvhost = "
         "\"troop\"\nca_file = \"ca.pem\"\n",
         "9:11: 'ca_file' must be an absolute path, such as /etc/rabbitmq/ca.pem"},
        {"port_out_of_range", "[system.broker]\nport = 70000\n", "6:8: 'port': 70000 is out of range, 0 to 65535"},
        {"relative_binary", "[system.broker]\nbinary = \"rabbitmq-server\"\n",
         "6:10: 'binary' must be an absolute path, such as /usr/lib/rabbitmq/bin/rabbitmq-server"},
        {"reserved_queue_name", "[workload.queue]\nname = \"amq.x\"\n",
         "6:8: 'name': names that begin with amq. belong to the broker"},
        {"empty_queue_name", "[workload.queue]\nname = \"\"\n", "6:8: 'name' is empty"},
        {"control_characters", "[workload.queue]\nname = \"a\\u001b[2Jb\"\n",
         "6:8: 'name' holds control characters: \"a\\u001b[2Jb\""},
        {"text_direction_override", "[workload.queue]\nname = \"a\\u202Eb\"\n",
         "6:8: 'name' holds control characters: \"a\\u202eb\""},
        {"retry_max_below_initial", "[workload.publish]\nretry = { initial = \"2s\", max = \"1s\" }\n",
         "6:33: 'max' (1s) is shorter than 'initial' (2s)"},
        {"jitter_above_one", "[workload.publish]\nretry = { jitter = 1.5 }\n",
         "6:20: 'jitter': 1.5 is out of range, 0 to 1"},
        {"quorum_not_durable", "[workload.queue]\ntype = \"quorum\"\ndurable = false\n",
         "7:11: a quorum queue is always durable: use durable = true, or type = \"classic\""},
        {"unknown_probe", "[[steady_state]]\nprobe = \"amqp.publsh\"\ntolerance = { p99 = \"< 1s\" }\n",
         "6:9: unknown probe \"amqp.publsh\", did you mean 'amqp.publish'?"},
        {"no_probe", "[[steady_state]]\ntolerance = { p99 = \"< 1s\" }\n", "5:1: [[steady_state]] has no 'probe'"},
        {"no_tolerance", "[[steady_state]]\nprobe = \"amqp.publish\"\n",
         "5:1: [[steady_state]] has no 'tolerance': the bounds that a steady state keeps"},
        {"empty_tolerance", "[[steady_state]]\nprobe = \"amqp.publish\"\ntolerance = {}\n",
         "7:13: 'tolerance' bounds nothing: any measurement would do"},
        {"unknown_measure", "[[steady_state]]\nprobe = \"amqp.publish\"\ntolerance = { p98 = \"< 1s\" }\n",
         "7:15: unknown key \"p98\" in [steady_state.0.tolerance], did you mean 'p99'?"},
        {"bound_without_operator", "[[steady_state]]\nprobe = \"amqp.publish\"\ntolerance = { success = \"0.9\" }\n",
         "7:25: 'success': \"0.9\" is not a bound: <, <=, > or >= and a limit, such as \">= 0.999\""},
        {"bound_of_wrong_kind", "[[steady_state]]\nprobe = \"amqp.publish\"\ntolerance = { success = \"> 5ms\" }\n",
         "7:25: 'success': \"> 5ms\" has no limit that is a number, such as \">= 0.999\""},
        {"bound_in_percent", "[[steady_state]]\nprobe = \"amqp.publish\"\ntolerance = { success = \">= 99.9\" }\n",
         "7:25: 'success': \">= 99.9\" is outside of what is measured: 0 to 1"},
        {"bound_never_met", "[[steady_state]]\nprobe = \"amqp.publish\"\ntolerance = { success = \"> 1\" }\n",
         "7:25: 'success': \"> 1\" can never be met"},
        {"bound_not_text", "[[steady_state]]\nprobe = \"amqp.publish\"\ntolerance = { success = 0.9 }\n",
         "7:25: 'success': expected text in quotes, found the number 0.9"},
        {"interval_of_zero",
         "[[steady_state]]\nprobe = \"amqp.publish\"\ninterval = \"0s\"\ntolerance = { p99 = \"< 1s\" }\n",
         "7:12: 'interval': 0s is out of range, 10ms to 3600s"},
        {"unknown_fault", "[[step]]\nat = \"1s\"\nfault = \"broker.stpo\"\ntarget = \"broker\"\nfor = \"1s\"\n",
         "7:9: unknown fault \"broker.stpo\", did you mean 'broker.stop'?"},
        {"no_fault", "[[step]]\nat = \"1s\"\ntarget = \"broker\"\n", "5:1: [[step]] has no 'fault'"},
        {"no_target", "[[step]]\nat = \"1s\"\nfault = \"broker.stop\"\nfor = \"1s\"\n",
         "5:1: [[step]] has no 'target': who is broken"},
        {"no_at", "[[step]]\nfault = \"broker.stop\"\ntarget = \"broker\"\nfor = \"1s\"\n",
         "5:1: [[step]] has no 'at': when it begins, from the steady state on"},
        {"no_for", "[[step]]\nat = \"1s\"\nfault = \"broker.stop\"\ntarget = \"broker\"\n",
         "5:1: [[step]] has no 'for': how long the fault is held"},
        {"for_of_zero", "[[step]]\nat = \"1s\"\nfault = \"broker.stop\"\ntarget = \"broker\"\nfor = \"0s\"\n",
         "9:7: 'for': 0s is out of range, 1ms to 86400s"},
        {"for_where_none_is_taken",
         "[[step]]\nat = \"1s\"\nfault = \"broker.restart\"\ntarget = \"broker\"\nfor = \"1s\"\n",
         "9:7: broker.restart takes no 'for': it is put back at once"},
        {"unknown_fault_parameter",
         "[[step]]\nat = \"1s\"\nfault = \"process.kill\"\ntarget = \"producer\"\nsigal = \"SIGTERM\"\n",
         "9:1: unknown key \"sigal\" in [[step]], did you mean 'signal'?"},
        {"unknown_signal",
         "[[step]]\nat = \"1s\"\nfault = \"process.kill\"\ntarget = \"producer\"\nsignal = \"KILL\"\n",
         "9:10: 'signal': \"KILL\" is not one of SIGKILL, SIGTERM, SIGINT, SIGQUIT, SIGABRT, SIGSEGV, SIGHUP, SIGUSR1, "
         "SIGUSR2, "
         "SIGPIPE, SIGALRM, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGXCPU, SIGXFSZ, SIGPROF, SIGPOLL, SIGPWR, "
         "SIGSTKFLT, SIGVTALRM"},
        {"wrong_kind_of_target", "[[step]]\nat = \"1s\"\nfault = \"broker.kill\"\ntarget = \"brokr\"\nfor = \"1s\"\n",
         "8:10: broker.kill cannot act on \"brokr\", did you mean 'broker'?"},
        {"worker_fault_on_broker", "[[step]]\nat = \"1s\"\nfault = \"process.kill\"\ntarget = \"broker\"\n",
         "8:10: process.kill cannot act on \"broker\"; known: producer, producer-1, consumer, consumer-1, local"},
        {"worker_that_does_not_exist", "[[step]]\nat = \"1s\"\nfault = \"process.kill\"\ntarget = \"consumer-2\"\n",
         "8:10: there is no consumer-2: workload.consumers = 1"},
        {"worker_zero", "[[step]]\nat = \"1s\"\nfault = \"process.kill\"\ntarget = \"consumer-0\"\n",
         "8:10: process.kill cannot act on \"consumer-0\", did you mean 'consumer-1'?"},
        {"worker_that_shows_nobody_its_clock",
         "[[step]]\nat = \"1s\"\nfault = \"clock.skew\"\ntarget = \"producer\"\nfor = \"1s\"\noffset = \"1h\"\n",
         "8:10: a worker shows its clock to nobody but a broker with TLS, and a managed one has none"},
        {"clock_wrong_by_more_than_a_year",
         "[[step]]\nat = \"1s\"\nfault = \"clock.skew\"\ntarget = \"broker\"\nfor = \"1s\"\noffset = \"8761h\"\n",
         "10:10: 'offset': \"8761h\" is longer than 8760h"},
        {"broker_with_a_number", "[[step]]\nat = \"1s\"\nfault = \"broker.restart\"\ntarget = \"broker-1\"\n",
         "8:10: there is one broker: target = \"broker\""},
        {"step_after_the_end", "[[step]]\nat = \"20s\"\nfault = \"broker.restart\"\ntarget = \"broker\"\n",
         "6:6: 'at' (20s) is not before the end of the experiment (20s)"},
        {"unknown_invariant", "[[invariant]]\nkind = \"ordre\"\n",
         "6:8: unknown invariant \"ordre\", did you mean 'order'?"},
        {"invariant_without_kind", "[[invariant]]\nper = \"key\"\n", "5:1: [[invariant]] has no 'kind'"},
        {"required_parameter", "[[invariant]]\nkind = \"delivery\"\n",
         "5:1: [[invariant]] has no 'guarantee': what is promised"},
        {"unknown_guarantee", "[[invariant]]\nkind = \"delivery\"\nguarantee = \"at-least-onec\"\n",
         "7:13: 'guarantee': \"at-least-onec\" is not one of at-least-once, at-most-once, exactly-once, "
         "did you mean 'at-least-once'?"},
        {"unknown_invariant_parameter", "[[invariant]]\nkind = \"order\"\nprr = \"key\"\n",
         "7:1: unknown key \"prr\" in [[invariant]], did you mean 'per'?"},
        {"unknown_anomaly", "[[invariant]]\nkind = \"order\"\nexpect = [\"lost\"]\n",
         "7:11: 'order' has no anomaly \"lost\"; known: inversion"},
        {"expect_is_text", "[[invariant]]\nkind = \"order\"\nexpect = \"inversion\"\n",
         "7:10: 'expect': expected a list of texts, found the text \"inversion\""},
        {"expect_twice",
         "[[step]]\nat = \"1s\"\nfault = \"broker.restart\"\ntarget = \"broker\"\n[[invariant]]\nkind = \"order\"\n"
         "expect = [\"inversion\", \"inversion\"]\n",
         "11:24: 'expect' lists \"inversion\" twice"},
        {"priorities_that_the_queue_does_not_have", "[workload.publish]\npriorities = 3\n",
         "6:14: the queue does not have so many: use workload.queue.max_priority = 2"},
        {"delay_that_is_no_duration", "[workload.publish]\ndelays = [\"soon\"]\n",
         "6:10: 'delays': \"soon\" is not a duration: a number and one of ns, us, ms, s, m, h, such as \"200ms\""},
        {"delays_with_fan_out",
         "[workload]\nconsumers = 2\n[workload.exchange]\nname = \"x\"\n[workload.queue]\ncopies = 2\n"
         "[workload.publish]\ndelays = [\"1s\"]\n",
         "12:10: a delayed message comes back to one queue: use copies = 1"},
        {"profile_without_a_rate_to_begin_with", "[workload]\nrate = 0\n[[workload.profile]]\nat = \"1s\"\nrate = 5\n",
         "6:8: with rate = 0 the window sets the rate, and no profile can: begin with a rate"},
        {"changes_that_overlap",
         "[[workload.profile]]\nat = \"1s\"\nrate = 5\nover = \"2s\"\n[[workload.profile]]\nat = \"2s\"\nrate = 9\n",
         "10:6: 'at': the change before this one has not ended yet"},
        {"given_up_what_nobody_holds", "[workload.consume]\nack = \"none\"\non_failure = \"republish\"\n",
         "7:14: what was acknowledged before cannot be given up: use ack = \"manual\" and ack_when = \"after\""},
        {"idempotency_without_effects", "[workload.consume]\nidempotency = \"id\"\n",
         "6:15: it is about effects, and none are recorded: use effects = true"},
        {"acknowledged_before_the_effect_though_nothing_is_acknowledged",
         "[workload.consume]\nack = \"none\"\nack_when = \"before\"\n",
         "7:12: with ack = \"none\" nothing is acknowledged: use ack = \"manual\""},
        {"recovery_without_steady_state", "[[invariant]]\nkind = \"recovery\"\nwithin = \"1s\"\n",
         "6:8: 'recovery' is the way back to the steady state, and there is no [[steady_state]]"},
        {"integer_parameter_out_of_range",
         "[[steady_state]]\nprobe = \"amqp.publish\"\ntolerance = { p99 = \"< 1s\" }\n[[invariant]]\nkind = "
         "\"recovery\"\n"
         "within = \"1s\"\nwindows = 0\n",
         "11:11: 'windows': 0 is out of range, 1 to 100"},
        {"unknown_entry_of_a_list", "[[invariant]]\nkind = \"exercised\"\nservices = [\"a\", \"c\"]\n",
         "7:18: 'services': unknown entry \"c\", did you mean 'a'?"},
        {"number_parameter", "[[invariant]]\nkind = \"exercised\"\nshare = 2\n",
         "7:9: 'share': 2 is out of range, 0 to 1"},
        {"boolean_parameter", "[[invariant]]\nkind = \"exercised\"\nstrict = 1\n",
         "7:10: 'strict': expected true or false, found the integer 1"},
        {"bound_always_met", "[[steady_state]]\nprobe = \"amqp.publish\"\ntolerance = { success = \">= 0\" }\n",
         "7:25: 'success': \">= 0\" is always met"},
        {"bound_that_asks_for_slowness",
         "[[steady_state]]\nprobe = \"amqp.publish\"\ntolerance = { p99 = \"> 5ms\" }\n",
         "7:21: 'p99': \"> 5ms\" would ask for slowness; a time has an upper limit, such as \"< 500ms\""},
        {"callers_that_wait_though_there_are_none",
         "[workload]\nrate = 0\n[workload.publish]\nretry = { blocking = true }\n",
         "8:22: with rate = 0 there are no callers that could wait: use a rate, or blocking = false"},
        {"change_after_the_end", "[[workload.profile]]\nat = \"20s\"\nrate = 5\n",
         "6:6: 'at' (20s) is not before the end of the experiment (20s)"},
        {"pattern_in_a_routing_key",
         "[workload.exchange]\nname = \"shop\"\ntype = \"topic\"\n[workload.queue]\nname = \"orders.#\"\n",
         "9:8: it is the routing key as well, in which * and # stand for words at an exchange of type \"topic\": use "
         "neither, or another type of exchange"},
        {"policy_that_is_no_json",
         "[[step]]\nat = \"1s\"\nfault = \"broker.policy\"\ntarget = \"broker\"\nfor = \"1s\"\ndefinition = "
         "\"max-length: "
         "1\"\n",
         "10:14: 'definition' is no JSON object, such as {\"max-length\": 100}"},
        {"policy_that_is_no_object",
         "[[step]]\nat = \"1s\"\nfault = \"broker.policy\"\ntarget = \"broker\"\nfor = \"1s\"\ndefinition = \"[1]\"\n",
         "10:14: 'definition' is no JSON object, such as {\"max-length\": 100}"},
        {"policy_that_sets_nothing",
         "[[step]]\nat = \"1s\"\nfault = \"broker.policy\"\ntarget = \"broker\"\nfor = \"1s\"\ndefinition = \"{}\"\n",
         "10:14: 'definition' sets nothing, and the broker takes no such policy"},
        {"deletion_of_the_default_exchange",
         "[[step]]\nat = \"1s\"\nfault = \"broker.delete_exchange\"\ntarget = \"broker\"\n",
         "7:9: broker.delete_exchange cannot act on the default exchange, to which this workload publishes: name one "
         "in "
         "[workload.exchange], or with 'exchange'"},
        {"deletion_of_a_binding_to_the_default_exchange",
         "[[step]]\nat = \"1s\"\nfault = \"broker.delete_binding\"\ntarget = \"broker\"\n",
         "7:9: broker.delete_binding cannot act on the default exchange, to which this workload publishes: name one in "
         "[workload.exchange], or with 'exchange'"},
        {"same_claim_twice", "[[invariant]]\nkind = \"delivery\"\nguarantee = \"at-least-once\"\n",
         "6:8: the same claim as invariant.0"},
        {"syntax_error", "[workload\n", "5:10: Error while parsing table header: expected ']', saw '\\n'"},
        {"header_without_a_name", "\n[=]\n", "6: not TOML: a table header without a name, such as [=]"},
        {"unquoted_duration", "[workload.consume]\nwork = 5s\n",
         "6:9: Error while parsing decimal integer: expected digit, saw 's' (durations are quoted: \"5s\")"},
        {"key_twice", "kind = \"order\"\n",
         "5:8: Error while parsing key-value pair: cannot redefine existing string 'kind'"},
    }),
    [](const auto& c) { return c.param.name; });

TEST(Mistakes, of_the_root_have_their_place) {
  const std::string rest = "\n[[invariant]]\nkind = \"order\"\n";
  EXPECT_THAT(problems_of(read("title = \"x\"" + rest).problems), ElementsAre("1:1: a scenario has no 'name'"));
  EXPECT_THAT(problems_of(read("name = \"Big\"" + rest).problems),
              ElementsAre("1:8: 'name': \"Big\" must be of a-z, 0-9 and - only"));
  EXPECT_THAT(problems_of(read("name = \"" + std::string(65, 'a') + "\"" + rest).problems),
              ElementsAre("1:8: 'name' is too long: 65 bytes, at most 64"));
  EXPECT_THAT(problems_of(read("name = \"x\"\nduraton = \"5s\"" + rest).problems),
              ElementsAre("2:1: unknown key \"duraton\" in a scenario, did you mean 'duration'?"));
  EXPECT_THAT(problems_of(read("name = \"x\"\ntags = [\"a\", 3, \"B\"]" + rest).problems),
              ElementsAre("2:14: 'tags.1': expected text in quotes, found the integer 3",
                          "2:17: 'tags.2': \"B\" must be of a-z, 0-9 and - only"));
  EXPECT_THAT(problems_of(read("name = \"x\"\nstep = [1]" + rest).problems),
              ElementsAre("2:9: 'step.0': expected a table, [[step]], found the integer 1"));
}

TEST(Mistakes, a_scenario_that_claims_nothing_is_refused) {
  EXPECT_THAT(problems_of(read("name = \"x\"\n").problems),
              ElementsAre("1:1: a scenario has no 'invariant': a run that claims nothing proves nothing"));
}

TEST(Mistakes, are_all_reported_at_once_and_in_the_order_of_the_file) {
  const auto reading = read(R"(name = "X"
duration = 20
[workload]
rate = "fast"
[workload.publish]
confrim = "none"
[[step]]
at = "5"
fault = "broker.stop"
target = "broker"
[[invariant]]
kind = "delivery"
guarantee = "twice"
)");
  std::vector<std::int64_t> lines;
  for (const auto& problem : reading.problems) lines.push_back(problem.line);
  EXPECT_THAT(lines, ElementsAre(1, 2, 4, 6, 7, 8, 13));
  EXPECT_FALSE(reading.source.empty());
}

TEST(Mistakes, a_slip_leads_to_no_second_complaint_about_its_default) {
  // Without care, producer-2 would be said not to exist, since one producer is the default.
  const auto reading = read(std::string{minimal} + R"([workload]
prodcers = 2
[[step]]
at = "1s"
fault = "process.kill"
target = "producer-2"
)");
  EXPECT_THAT(problems_of(reading.problems),
              ElementsAre("6:1: unknown key \"prodcers\" in [workload], did you mean 'producers'?"));
}

TEST(Mistakes, beyond_a_limit_are_counted) {
  std::string text{minimal};
  for (int i = 0; i < 2000; ++i) text += "key" + std::to_string(i) + " = 1\n";
  const auto reading = read(text);
  ASSERT_EQ(reading.problems.size(), max_problems + 1);
  EXPECT_EQ(reading.problems.back().message, "… and 1500 more problems");
}

}  // namespace
}  // namespace troop::scenarios::test
