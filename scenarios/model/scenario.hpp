// What an experiment is. Plain data: filled by a reader, read by everybody, changed by nobody.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.hpp"
#include "scenarios/model/attach.hpp"
#include "scenarios/model/value.hpp"

namespace troop::model {

using namespace std::chrono_literals;

/// `[[host]]`: a place where parts of the run are, with a network of its own and an agent of its own.
struct Host {
  std::string name;
  std::string netns = {};    ///< An existing network namespace, as `ip netns` names it; empty: one is made for the run.
  std::string address = {};  ///< IPv4, where the other hosts reach it; empty: chosen, together with the namespace.
  std::string zone = {};     ///< What fails together with it: an availability zone, a rack. Empty: none.
  bool operator==(const Host&) const = default;
};

/// `[system.broker]`: a RabbitMQ that the agent starts and ends (`managed`), or one that others run (`attach`).
struct Broker {
  /// What the nodes of a cluster do when they lose each other; RabbitMQ's cluster_partition_handling.
  enum class OnPartition { ignore, pause_minority, autoheal };
  std::string kind = "rabbitmq";
  bool managed = true;
  std::uint16_t port = 0;  ///< AMQP port on loopback; 0: the agent picks a free one.
  std::string binary = "/usr/lib/rabbitmq/bin/rabbitmq-server";
  Duration start_timeout = 60s;           ///< Until the port answers the AMQP header.
  std::vector<std::string> plugins = {};  ///< Enabled in a managed broker.
  std::string plugins_dir;                ///< Where it looks for them before its own folder; empty: only there.
  std::int64_t disk_mib = 0;              ///< Its data on a file system of its own, so large; 0: as everybody's.
  std::string host;                       ///< Where a managed one runs; empty: on this machine, without hosts.
  std::vector<std::string> nodes_on =
      {};  ///< Hosts, a node of a cluster on each, the first on `host`; empty: no cluster.
  OnPartition on_partition = OnPartition::ignore;
  Duration net_ticktime = 5s;  ///< How long a node may be silent before the others call it lost, about.
  std::optional<BrokerAttachment> attach = {};
};

/// What RabbitMQ's plugins are called: an Erlang atom that needs no quotes.
bool is_plugin_name(std::string_view text);

/// `[workload.exchange]`: where the producers publish to.
struct Exchange {
  enum class Type { direct, fanout, topic };
  std::string name;  ///< Empty: the default exchange, which routes by the name of the queue.
  Type type = Type::direct;
  bool durable = true;
  bool exists = true;  ///< False: nobody declares it.
  bool bound = true;   ///< False: no queue is bound to it.
  bool operator==(const Exchange&) const = default;
};

/// `[workload.queue.dead_letter]`: where a message goes that the queue gives up.
struct DeadLetter {
  std::string exchange;  ///< Empty: the default exchange.
  std::string queue = "troop.dead";
  bool exists = true;  ///< False: neither its exchange nor its queue is declared, so what it gets is lost.
  bool operator==(const DeadLetter&) const = default;
};

struct Queue {
  enum class Type { classic, quorum };
  enum class Overflow { drop_head, reject_publish, reject_publish_dlx };
  std::string name = "troop.work";
  Type type = Type::classic;
  bool durable = true;
  std::int64_t copies = 1;  ///< Fan-out: so many queues get each message; beyond one they are named name.1, name.2 …
  bool lazy = false;
  bool mirrored = false;         ///< Classic, in a cluster: every node has a copy.
  std::string declared_on = {};  ///< The host whose node declares it, and so leads it; empty: whoever is first.
  bool single_active_consumer = false;
  std::int64_t max_priority = 0;                ///< 0: no priorities.
  std::optional<Duration> message_ttl = {};     ///< How long a message may wait in it.
  std::optional<Duration> expires = {};         ///< How long it lives without any use.
  std::optional<std::int64_t> max_length = {};  ///< Ready messages.
  Overflow overflow = Overflow::drop_head;
  std::optional<std::int64_t> delivery_limit = {};
  std::optional<DeadLetter> dead_letter = {};
  bool operator==(const Queue&) const = default;
};

struct Retry {
  std::int64_t attempts = 20;  ///< Per message, the first included; also connection attempts in a row.
  Duration initial = 200ms;
  double multiplier = 2.0;
  Duration max = 5s;
  double jitter = 0.2;    ///< Each pause is multiplied by a random factor in [1 - jitter, 1 + jitter].
  Duration timeout = 5s;  ///< For one connection attempt, and for one confirm.
  /// As in a client whose publish returns only once it got through: while one message is being retried, or there is no
  /// connection, callers wait. Otherwise they hand their message over and go on.
  bool blocking = false;
  bool operator==(const Retry&) const = default;
};

struct Publish {
  enum class Confirm { none, simple, correlated };
  enum class DelaysBy { queues, plugin };
  bool persistent = true;
  Confirm confirm = Confirm::correlated;
  std::int64_t window = 500;  ///< Unconfirmed messages per producer at most; `simple` means 1.
  bool mandatory = true;
  std::int64_t priorities = 0;  ///< Messages take turns in priorities 0 … priorities - 1; 0: they have none.
  std::optional<Duration> expiration = {};  ///< How long a message may wait, said by the message itself.
  /// Messages take turns in being delayed so long: in queues, one for each delay, that dead-letter into the work queue,
  /// or by the delayed-message plugin's exchange.
  std::vector<Duration> delays = {};
  DelaysBy delays_by = DelaysBy::queues;
  Retry retry;
  bool operator==(const Publish&) const = default;
};

/// `[workload.consume.error]`: where a consumer publishes what it gave up, before it acknowledges it.
struct ErrorExchange {
  std::string exchange = "troop.error";
  std::string queue = "troop.errors";
  bool bound = true;  ///< False: no queue is bound, so what it gets is lost.
  bool operator==(const ErrorExchange&) const = default;
};

struct Consume {
  enum class Ack { none, manual, automatic };
  enum class AckWhen { after, before };
  enum class OnFailure { requeue, reject, republish };
  enum class Idempotency { none, id, status };
  Ack ack = Ack::manual;
  AckWhen ack_when = AckWhen::after;  ///< Of the handler's effect.
  std::int64_t prefetch = 100;        ///< Unacknowledged messages per consumer at most; 0: no limit.
  Duration work{0};                   ///< How long a handler works on one message.
  bool effects = false;               ///< The handler's effect is recorded, and judged: delivered is not processed.
  std::int64_t poison_every = 0;      ///< The handler always fails on every n-th message of a producer; 0: on none.
  std::int64_t attempts = 1;          ///< How often a handler tries, on the spot, before it fails.
  OnFailure on_failure = OnFailure::requeue;
  ErrorExchange error;
  Idempotency idempotency = Idempotency::none;
  bool operator==(const Consume&) const = default;
};

/// From `at` on, counted from the steady state: the rate moves to `rate` within `over`.
struct RateChange {
  Duration at{0};
  double rate = 0;
  Duration over{0};
  bool operator==(const RateChange&) const = default;
};

struct Workload {
  std::string kind = "amqp";
  std::int64_t producers = 1;
  std::int64_t consumers = 1;
  std::vector<std::string> producers_on = {};  ///< Hosts; workers take turns. Empty: where the broker is.
  std::vector<std::string> consumers_on = {};
  double rate = 1000;  ///< Messages per second, all producers together; open loop. 0: as fast as the window lets.
  std::int64_t payload_bytes = 256;
  std::int64_t keys = 64;  ///< All producers together; each key belongs to one producer.
  Exchange exchange;
  Queue queue;
  Publish publish;
  Consume consume;
  std::vector<RateChange> profile;  ///< In the order of time, none before the one before it has ended.
  bool operator==(const Workload&) const = default;
};

/// One side of a tolerance: measured `op` limit. Durations are in seconds.
struct Bound {
  enum class Op { less, less_equal, greater, greater_equal };
  Op op = Op::less;
  double limit = 0;
  [[nodiscard]] bool admits(double measured) const {
    switch (op) {
      case Op::less:
        return measured < limit;
      case Op::less_equal:
        return measured <= limit;
      case Op::greater:
        return measured > limit;
      case Op::greater_equal:
        return measured >= limit;
    }
    return false;
  }
};

struct SteadyState {
  std::string probe;
  Duration interval = 1s;
  Duration timeout = 60s;  ///< How long to wait for it before anything is broken.
  std::map<std::string, Bound, std::less<>> tolerance;
  Parameters parameters;
};

struct Step {
  Duration at{0};  ///< From the moment the steady state was seen.
  std::string fault;
  std::string target;
  std::optional<Duration> period;  ///< The key `for`: how long the fault is held.
  Parameters parameters;
};

/// One `[[invariant]]`. What each kind takes is in its catalogue entry.
struct InvariantSpec {
  std::string kind;
  std::vector<std::string> expect;  ///< Anomalies that must show, attributed to a fault.
  Parameters parameters;
};

struct Scenario {
  std::string name;
  std::string title;
  std::string hypothesis;
  std::vector<std::string> accept;  ///< Faults that may outlive a killed agent, see FaultSpec::outlives_agent.
  std::string environment;          ///< "staging": a host that names another refuses; empty: it names none.
  std::vector<std::string> tags;
  Duration duration = 20s;  ///< Of the experiment, from the steady state on.
  std::vector<Host> hosts;  ///< None: all parts are on this machine, on loopback.
  Broker broker;
  Workload workload;
  std::vector<SteadyState> steady_state;
  std::vector<Step> steps;  ///< In the order of `at`.
  std::vector<InvariantSpec> invariants;
};

/// "producer-1" … and "consumer-1" …: the names a step may target and the history's `process`.
std::string producer_name(std::int64_t number);
std::string consumer_name(std::int64_t number);
/// "broker" for the first, then "broker-2" …: the nodes of a cluster.
std::string node_name(std::size_t number);
/// "reader-1" …: who empties the dead-letter and error queues, one each, for the record.
std::string reader_name(std::int64_t number);

/// The name of a fault's target kind that is a host of the scenario; every other kind names itself.
inline constexpr std::string_view host_kind = "host";
/// This machine, where there are no hosts.
inline constexpr std::string_view local_target = "local";
/// All hosts of the scenario, for a fault between groups of them.
inline constexpr std::string_view hosts_target = "hosts";
/// The name of a fault's target kind that is a zone of hosts.
inline constexpr std::string_view zone_kind = "zone";
/// The host of worker `number` of those that take turns on `hosts`; `otherwise` where there are none.
const std::string& place(const std::vector<std::string>& hosts, std::int64_t number, const std::string& otherwise);

}  // namespace troop::model
