#include "scenarios/toml/keys.hpp"

namespace troop::scenarios {
namespace {

using model::ParameterType;
using Path = std::string_view;
using What = std::string_view;

constexpr std::string_view reference_pattern = "^(env:TROOP_[A-Z0-9_]+|file:/.*)$";
constexpr std::string_view duration_pattern = R"(^ *[0-9]+(\.[0-9]+)? *(ns|us|ms|s|m|h) *$)";
constexpr double day = 86400, hour = 3600, ms = 0.001;  // seconds

Key table(Path path, What what) { return {.path = path, .as = Key::As::table, .what = what}; }

Key tables(Path path, What what, bool required = false) {
  return {.path = path, .as = Key::As::tables, .what = what, .required = required, .minimum = 1, .maximum = 256};
}

Key text(Path path, std::string_view fallback, What what, double minimum = 1, double maximum = 255,
         std::string_view pattern = {}) {
  return {.path = path, .what = what, .fallback = fallback, .minimum = minimum, .maximum = maximum, .pattern = pattern};
}

Key texts(Path path, double maximum, What what, std::string_view pattern = {}) {
  return {.path = path,
          .what = what,
          .type = ParameterType::text_list,
          .minimum = 0,
          .maximum = maximum,
          .pattern = pattern};
}

Key boolean(Path path, bool fallback, What what) {
  return {.path = path, .what = what, .type = ParameterType::boolean, .fallback = fallback ? "true" : "false"};
}

/// An empty fallback: where the key is missing there is no such thing.
Key integer(Path path, std::string_view fallback, double minimum, double maximum, What what) {
  return {.path = path,
          .what = what,
          .type = ParameterType::integer,
          .fallback = fallback,
          .minimum = minimum,
          .maximum = maximum};
}

Key number(Path path, std::string_view fallback, double minimum, double maximum, What what) {
  Key key = integer(path, fallback, minimum, maximum, what);
  key.type = ParameterType::number;
  return key;
}

Key duration(Path path, std::string_view fallback, double minimum, double maximum, What what) {
  Key key = integer(path, fallback, minimum, maximum, what);
  key.type = ParameterType::duration;
  return key;
}

Key choice(Path path, std::string_view fallback, std::vector<std::string_view> choices, What what) {
  return {
      .path = path, .what = what, .type = ParameterType::choice, .fallback = fallback, .choices = std::move(choices)};
}

Key required(Key key) {
  key.required = true;
  return key;
}

std::vector<Key> all_keys() {
  return {
      required(text("name", "", "of the run's folder and of reports", 1, 64, name_pattern)),
      text("title", "", "one line for lists and reports", 0),
      text("hypothesis", "", "what you expect to hold", 0, 2000),
      text("environment", "", "where it may run; a host whose policy names another refuses", 1, 64, name_pattern),
      texts(
          "accept", 32,
          "faults, by name, that stay in force where the agent and its guardian are both killed, until the next agent "
          "starts or 'troop-agent undo --all' ends them"),
      texts("tags", 32, "your own words", name_pattern),
      duration("duration", "20s", 100 * ms, day, "of the experiment, from the steady state on"),

      tables("host", "places with a network of their own; without any, all is on this machine's loopback"),
      required(text("host[].name", "", "what steps and placements call it", 1, 64, name_pattern)),
      text("host[].netns", "", "an existing network namespace; without it one is made for the run", 1, 255,
           "^[^./][^/]*$"),
      text("host[].zone", "", "what fails together with it: an availability zone, a rack", 1, 64, name_pattern),
      text("host[].address", "", "IPv4, where the others reach the host of an existing namespace"),

      table("system", "what is broken"),
      table("system.broker", "a RabbitMQ that the agent starts and ends, or one that others run"),
      choice("system.broker.kind", "rabbitmq", {"rabbitmq"}, "which broker"),
      boolean("system.broker.managed", true,
              "a private broker, started for the run and ended with it; false: [system.broker.attach] says which"),
      integer("system.broker.port", "0", 0, 65535, "AMQP port on loopback; 0: a free one"),
      text("system.broker.binary", "/usr/lib/rabbitmq/bin/rabbitmq-server",
           "the start script; not the wrapper in /usr/sbin, which switches users", 1, 4096, "^/"),
      duration("system.broker.start_timeout", "60s", 1, hour, "until the port answers the AMQP header"),
      texts("system.broker.plugins", 32, "enabled in a managed broker", "^[a-z][a-z0-9_]*$"),
      text("system.broker.plugins_dir", "", "where it looks for plugins before its own folder", 1, 4096, "^/[^:]*$"),
      integer("system.broker.disk_mib", "", 96, 65536,
              "its data on a file system of its own, in memory, so large; without it in the temporary folder"),
      text("system.broker.host", "", "where it runs, with [[host]]", 1, 64, name_pattern),
      texts("system.broker.nodes_on", 7, "hosts: a cluster with a node on each, instead of host", name_pattern),
      choice("system.broker.on_partition", "ignore", {"ignore", "pause_minority", "autoheal"},
             "what the nodes of a cluster do when they lose each other"),
      duration("system.broker.net_ticktime", "5s", 1, hour,
               "how long a node may be silent before the others call it lost, about"),
      table("system.broker.attach", "a broker that others run"),
      required(text("system.broker.attach.url_from", "", "where the agent finds amqp[s]://user:password@host:port", 1,
                    4096, reference_pattern)),
      required(text("system.broker.attach.management_from", "",
                    "where the agent finds http[s]://host:port of the management API", 1, 4096, reference_pattern)),
      text("system.broker.attach.ca_file", "",
           "who alone vouches for that broker, in PEM; without it, the system's CAs", 1, 4096, "^/"),
      required(text("system.broker.attach.vhost", "", "the one place in that broker where the run works")),
      boolean("system.broker.attach.create", false, "the run makes the vhost, and deletes it afterwards"),
      boolean("system.broker.attach.shared_vhost", false, "true: others may have queues and exchanges there too"),
      texts("system.broker.attach.allow", 256,
            "faults, by name, that reach everybody on that broker or destroy what nobody brings back"),
      table("system.broker.attach.control", "one way to stop and start the broker"),
      text("system.broker.attach.control.systemd", "", "its unit"),
      text("system.broker.attach.control.docker", "", "its container"),
      text("system.broker.attach.control.pid_file", "", "names the process to signal; command starts it again", 1, 4096,
           "^/"),
      text("system.broker.attach.control.command", "", "an entry of the host's policy file", 1, 64, name_pattern),

      table("workload", "who sends and receives what"),
      choice("workload.kind", "amqp", {"amqp"}, "which protocol"),
      integer("workload.producers", "1", 1, 64, "processes, producer-1 …"),
      integer("workload.consumers", "1", 0, 64, "processes, consumer-1 …"),
      texts("workload.producers_on", 32, "hosts of the producers, which take turns; without it the broker's",
            name_pattern),
      texts("workload.consumers_on", 32, "hosts of the consumers, which take turns; without it the broker's",
            name_pattern),
      number("workload.rate", "1000", 0, 1e6,
             "messages per second, all producers together, planned ahead (open loop); 0: as fast as the window lets"),
      integer("workload.payload_bytes", "256", 0, 1024 * 1024, "of each message"),
      integer("workload.keys", "64", 1, 1e6, "ordering keys, all producers together; at least one for each producer"),

      table("workload.exchange", "where the producers publish to; without it, the default exchange"),
      required(text("workload.exchange.name", "", "the exchange to publish to", 1, 255, "^(?!amq\\.)")),
      choice("workload.exchange.type", "direct", {"direct", "fanout", "topic"}, "how it routes"),
      boolean("workload.exchange.durable", true, "the exchange survives a restart of the broker"),
      boolean("workload.exchange.exists", true, "false: nobody declares it"),
      boolean("workload.exchange.bound", true, "false: no queue is bound to it"),

      table("workload.queue", "where the consumers read from"),
      text("workload.queue.name", "troop.work", "not amq.…", 1, 255, "^(?!amq\\.)"),
      choice("workload.queue.type", "classic", {"classic", "quorum"}, "how the broker keeps it"),
      boolean("workload.queue.durable", true, "the queue survives a restart of the broker"),
      integer("workload.queue.copies", "1", 1, 16, "fan-out: so many queues get each message"),
      boolean("workload.queue.lazy", false, "messages go to disk at once"),
      boolean("workload.queue.mirrored", false, "classic, in a cluster: every node keeps a copy (policy ha-mode all)"),
      text("workload.queue.declared_on", "", "the host of the node that declares it, and so leads it", 1, 64,
           name_pattern),
      boolean("workload.queue.single_active_consumer", false, "one consumer at a time; the others stand by"),
      integer("workload.queue.max_priority", "0", 0, 255, "0: no priorities"),
      duration("workload.queue.message_ttl", "", 0, day, "how long a message may wait in it"),
      duration("workload.queue.expires", "", ms, day, "how long the queue lives without any use"),
      integer("workload.queue.max_length", "", 1, 1e9, "ready messages at most"),
      choice("workload.queue.overflow", "drop-head", {"drop-head", "reject-publish", "reject-publish-dlx"},
             "what happens at max_length"),
      integer("workload.queue.delivery_limit", "", 1, 1e6, "deliveries of one message at most, in a quorum queue"),

      table("workload.queue.dead_letter", "where a message goes that the queue gives up"),
      text("workload.queue.dead_letter.exchange", "", "empty: the default exchange", 0, 255, "^(?!amq\\.)"),
      text("workload.queue.dead_letter.queue", "troop.dead", "the queue that it goes to", 1, 255, "^(?!amq\\.)"),
      boolean("workload.queue.dead_letter.exists", true, "false: neither is declared, so what goes there is lost"),

      table("workload.publish", "how producers send"),
      boolean("workload.publish.persistent", true, "messages survive a restart of the broker, in a durable queue"),
      choice("workload.publish.confirm", "correlated", {"none", "simple", "correlated"},
             "publisher confirms: none, one message at a time, or up to window at once"),
      integer("workload.publish.window", "500", 1, 65535, "unconfirmed messages per producer at most"),
      boolean("workload.publish.mandatory", true, "a message that no queue takes is returned, not dropped"),
      integer("workload.publish.priorities", "0", 0, 255,
              "messages take turns in priorities 0 … priorities - 1, as far as the queue has them; 0: none"),
      duration("workload.publish.expiration", "", 0, day, "how long a message may wait, said by the message itself"),
      texts("workload.publish.delays", 16,
            "messages take turns in being delayed so long, on their way to the work queue", duration_pattern),
      choice("workload.publish.delays_by", "queues", {"queues", "plugin"},
             "queues that dead-letter into the work queue, or the delayed-message plugin"),
      table("workload.publish.retry", "how a producer resends and reconnects; pauses grow from initial up to max"),
      integer("workload.publish.retry.attempts", "20", 1, 1000, "per message, the first included"),
      duration("workload.publish.retry.initial", "200ms", ms, hour, "the first pause"),
      number("workload.publish.retry.multiplier", "2.0", 1, 100, "from one pause to the next"),
      duration("workload.publish.retry.max", "5s", ms, hour, "the longest pause"),
      number("workload.publish.retry.jitter", "0.2", 0, 1, "each pause is changed by up to this share of itself"),
      duration("workload.publish.retry.timeout", "5s", 10 * ms, hour,
               "for one connection attempt, and for one confirm"),
      boolean("workload.publish.retry.blocking", false,
              "true: callers wait while a message is retried or there is no connection; false: they go on"),

      table("workload.consume", "how consumers receive"),
      choice("workload.consume.ack", "manual", {"none", "manual", "auto"}, "who acknowledges, and when"),
      integer("workload.consume.prefetch", "100", 0, 65535,
              "unacknowledged messages per consumer at most; 0: no limit"),
      choice("workload.consume.ack_when", "after", {"after", "before"},
             "the handler's effect; not with ack = \"none\""),
      duration("workload.consume.work", "0s", 0, hour, "how long a handler works on one message"),
      boolean("workload.consume.effects", false,
              "handlers record what they did, and delivery is judged by that: delivered is not processed"),
      integer("workload.consume.poison_every", "0", 0, 1e9,
              "the handler always fails on every n-th message of each producer; 0: on none"),
      integer("workload.consume.attempts", "1", 1, 1000, "how often a handler tries, on the spot, before it fails"),
      choice("workload.consume.on_failure", "requeue", {"requeue", "reject", "republish"},
             "what happens to a message on which the handler failed"),
      choice("workload.consume.idempotency", "none", {"none", "id", "status"},
             "how a handler avoids a second effect: not at all, by ids noted after the effect, or by a status changed "
             "together with it"),
      table("workload.consume.error", "where a message goes that a consumer republishes before it acknowledges it"),
      text("workload.consume.error.exchange", "troop.error", "not amq.…", 1, 255, "^(?!amq\\.)"),
      text("workload.consume.error.queue", "troop.errors", "the queue that it goes to", 1, 255, "^(?!amq\\.)"),
      boolean("workload.consume.error.bound", true, "false: the queue is not bound, so what goes there is lost"),

      tables("workload.profile", "how the rate changes over time; until the first of them it is workload.rate"),
      required(duration("workload.profile[].at", "", 0, day, "when it begins to change, from the steady state on")),
      required(
          number("workload.profile[].rate", "", 0, 1e6, "messages per second from then on, all producers together")),
      duration("workload.profile[].over", "0s", 0, day, "within which time it changes evenly; 0: at once"),

      tables("steady_state", "nothing is broken before this holds, and recovery is the way back to it"),
      duration("steady_state[].interval", "1s", 10 * ms, hour, "one measurement per interval"),
      duration("steady_state[].timeout", "60s", 1, day, "how long to wait for it at the start"),

      tables("step", "what is broken, when, and for how long"),
      required(duration("step[].at", "", 0, day, "when it begins, from the steady state on")),

      tables("invariant", "what must hold all the same", true),
  };
}

}  // namespace

std::span<const Key> keys() {
  static const std::vector<Key> all = all_keys();
  return all;
}

}  // namespace troop::scenarios
