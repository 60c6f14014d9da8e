#include "scenarios/toml/sections.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "scenarios/toml/broker_section.hpp"
#include "scenarios/toml/parameters.hpp"
#include "scenarios/toml/units.hpp"

namespace troop::scenarios {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_entries = 256;
constexpr std::size_t max_hosts = 32;

template <class Entries, class Projection>
std::vector<std::string> names_of(const Entries& entries, Projection name) {
  std::vector<std::string> names;
  for (const auto& entry : entries) names.emplace_back(entry.*name);
  return names;
}

/// The entry that `key` names; reports a missing key and an unknown name.
template <class Entries, class Projection>
auto named(TableReader& reader, std::string_view key, std::string_view what, const Entries& entries, Projection name)
    -> const typename Entries::value_type* {
  std::string wanted;
  if (!reader.require(key)) return nullptr;
  reader.text(key, wanted);
  if (wanted.empty()) return nullptr;
  const auto found = std::ranges::find(entries, wanted, name);
  if (found != entries.end()) return &*found;
  reader.problem(key, fmt::format("unknown {} {}{}", what, in_quotes(wanted), hint(wanted, names_of(entries, name))));
  return nullptr;
}

template <class Enum, std::size_t N>
void read_enum(TableReader& reader, std::string_view key, const std::array<std::string_view, N>& names, Enum& out) {
  if (const auto chosen = reader.choice(key, names)) out = static_cast<Enum>(*chosen);
}

/// The name of a queue or an exchange of ours.
void read_name(TableReader& reader, std::string_view key, std::string& out, TextRule rule = {}) {
  reader.text(key, out, rule);
  if (out.starts_with("amq.")) {
    reader.problem(key, fmt::format("'{}': names that begin with amq. belong to the broker", key));
  }
}

void read_exchange(TableReader& reader, model::Exchange& exchange) {
  static constexpr std::array<std::string_view, 3> types{"direct", "fanout", "topic"};
  if (reader.require("name", "the exchange to publish to; without [workload.exchange] it is the default exchange")) {
    read_name(reader, "name", exchange.name);
  }
  read_enum(reader, "type", types, exchange.type);
  reader.boolean("durable", exchange.durable);
  reader.boolean("exists", exchange.exists);
  reader.boolean("bound", exchange.bound);
  reader.finish();
}

void read_dead_letter(TableReader& reader, model::DeadLetter& dead) {
  read_name(reader, "exchange", dead.exchange, {.may_be_empty = true});
  read_name(reader, "queue", dead.queue);
  reader.boolean("exists", dead.exists);
  reader.finish();
}

/// A key that has no default: absent means "not so".
void optional_duration(TableReader& reader, std::string_view key, std::optional<Duration>& out, Duration minimum) {
  if (!reader.has(key)) return;
  out.emplace(minimum);
  reader.duration(key, *out, minimum);
}

void optional_integer(TableReader& reader, std::string_view key, std::optional<std::int64_t>& out, std::int64_t minimum,
                      std::int64_t maximum) {
  if (!reader.has(key)) return;
  out.emplace(minimum);
  reader.integer(key, *out, minimum, maximum);
}

void read_queue(TableReader& reader, model::Queue& queue) {
  static constexpr std::array<std::string_view, 2> types{"classic", "quorum"};
  static constexpr std::array<std::string_view, 3> overflows{"drop-head", "reject-publish", "reject-publish-dlx"};
  read_name(reader, "name", queue.name);
  read_enum(reader, "type", types, queue.type);
  reader.boolean("durable", queue.durable);
  reader.integer("copies", queue.copies, 1, 16);
  reader.boolean("lazy", queue.lazy);
  reader.boolean("mirrored", queue.mirrored);
  reader.text("declared_on", queue.declared_on, {.max_bytes = 64, .lower_case_name = true});
  reader.boolean("single_active_consumer", queue.single_active_consumer);
  reader.integer("max_priority", queue.max_priority, 0, 255);
  optional_duration(reader, "message_ttl", queue.message_ttl, 0ms);
  optional_duration(reader, "expires", queue.expires, 1ms);
  optional_integer(reader, "max_length", queue.max_length, 1, 1'000'000'000);
  read_enum(reader, "overflow", overflows, queue.overflow);
  if (reader.has("overflow") && !queue.max_length) {
    reader.problem("overflow", "'overflow' says what happens at 'max_length', and there is none");
  }
  optional_integer(reader, "delivery_limit", queue.delivery_limit, 1, 1'000'000);
  if (auto dead = reader.table("dead_letter")) read_dead_letter(*dead, queue.dead_letter.emplace());
  reader.finish();
}

void read_delays(TableReader& reader, std::vector<Duration>& out) {
  std::vector<std::string> written;
  reader.text_list("delays", written, 16, {.max_bytes = 32});
  for (const auto& text : written) {
    const auto delay = parse_duration(text);
    if (delay.has_error()) {
      reader.problem("delays", "'delays': " + delay.error().context);
    } else if (delay.value() < 1ms || delay.value() > 10min) {
      reader.problem("delays", fmt::format("'delays': {} is not from 1 ms to 10 min", in_quotes(text)));
    } else {
      out.push_back(delay.value());
    }
  }
}

void read_publish(TableReader& reader, model::Publish& publish) {
  static constexpr std::array<std::string_view, 3> confirms{"none", "simple", "correlated"};
  reader.boolean("persistent", publish.persistent);
  read_enum(reader, "confirm", confirms, publish.confirm);
  reader.integer("window", publish.window, 1, 65535);
  reader.boolean("mandatory", publish.mandatory);
  reader.integer("priorities", publish.priorities, 0, 255);
  optional_duration(reader, "expiration", publish.expiration, 0ms);
  read_delays(reader, publish.delays);
  static constexpr std::array<std::string_view, 2> delayers{"queues", "plugin"};
  read_enum(reader, "delays_by", delayers, publish.delays_by);
  if (auto retry = reader.table("retry")) {
    retry->integer("attempts", publish.retry.attempts, 1, 1000);
    retry->duration("initial", publish.retry.initial, 1ms, 1h);
    retry->number("multiplier", publish.retry.multiplier, 1, 100);
    retry->duration("max", publish.retry.max, 1ms, 1h);
    retry->number("jitter", publish.retry.jitter, 0, 1);
    retry->duration("timeout", publish.retry.timeout, 10ms, 1h);
    retry->boolean("blocking", publish.retry.blocking);
    if (retry->sound("max") && retry->sound("initial") && publish.retry.max < publish.retry.initial) {
      retry->problem("max", fmt::format("'max' ({}) is shorter than 'initial' ({})", model::to_text(publish.retry.max),
                                        model::to_text(publish.retry.initial)));
    }
    retry->finish();
  }
  reader.finish();
}

void read_consume(TableReader& reader, model::Consume& consume) {
  static constexpr std::array<std::string_view, 3> acks{"none", "manual", "auto"};
  read_enum(reader, "ack", acks, consume.ack);
  reader.integer("prefetch", consume.prefetch, 0, 65535);
  static constexpr std::array<std::string_view, 2> whens{"after", "before"};
  static constexpr std::array<std::string_view, 3> failures{"requeue", "reject", "republish"};
  static constexpr std::array<std::string_view, 3> idempotencies{"none", "id", "status"};
  read_enum(reader, "ack_when", whens, consume.ack_when);
  reader.duration("work", consume.work, 0s, 1h);
  reader.boolean("effects", consume.effects);
  reader.integer("poison_every", consume.poison_every, 0, 1'000'000'000);
  reader.integer("attempts", consume.attempts, 1, 1000);
  read_enum(reader, "on_failure", failures, consume.on_failure);
  if (auto error = reader.table("error")) {
    read_name(*error, "exchange", consume.error.exchange);
    read_name(*error, "queue", consume.error.queue);
    error->boolean("bound", consume.error.bound);
    error->finish();
  }
  read_enum(reader, "idempotency", idempotencies, consume.idempotency);
  reader.finish();
}

void read_profile(std::vector<TableReader> changes, model::Workload& workload) {
  Duration free{0};
  for (auto& reader : changes) {
    model::RateChange& change = workload.profile.emplace_back();
    if (reader.require("at", "when the rate changes")) reader.duration("at", change.at);
    if (reader.require("rate", "messages per second from then on")) reader.number("rate", change.rate, 0, 1e6);
    reader.duration("over", change.over);
    if (change.at < free) reader.problem("at", "'at': the change before this one has not ended yet");
    free = change.at + change.over;
    reader.finish();
  }
}

void read_workload(TableReader& reader, model::Workload& workload) {
  static constexpr std::array<std::string_view, 1> kinds{"amqp"};
  reader.choice("kind", kinds);
  reader.integer("producers", workload.producers, 1, 64);
  reader.integer("consumers", workload.consumers, 0, 64);
  reader.text_list("producers_on", workload.producers_on, max_hosts, {.max_bytes = 64, .lower_case_name = true});
  reader.text_list("consumers_on", workload.consumers_on, max_hosts, {.max_bytes = 64, .lower_case_name = true});
  reader.number("rate", workload.rate, 0, 1e6);
  reader.integer("payload_bytes", workload.payload_bytes, 0, 1024 * 1024);
  reader.integer("keys", workload.keys, 1, 1'000'000);
  if (auto exchange = reader.table("exchange")) read_exchange(*exchange, workload.exchange);
  if (auto queue = reader.table("queue")) read_queue(*queue, workload.queue);
  if (auto publish = reader.table("publish")) read_publish(*publish, workload.publish);
  if (auto consume = reader.table("consume")) read_consume(*consume, workload.consume);
  read_profile(reader.tables("profile", max_entries), workload);
  reader.finish();
}

/// Neither "this host", loopback, nor many hosts at once.
bool is_hosts_address(const std::string& text) {
  in_addr address{};
  if (inet_pton(AF_INET, text.c_str(), &address) != 1) return false;
  const std::uint32_t first = ntohl(address.s_addr) >> 24U;
  return first != 0 && first != 127 && first < 224;
}

void read_host(TableReader& reader, model::Host& host) {
  const TextRule name{.max_bytes = 64, .lower_case_name = true};
  if (reader.require("name", "what steps and placements call it")) reader.text("name", host.name, name);
  reader.text("zone", host.zone, name);
  reader.text("netns", host.netns);
  reader.text("address", host.address);
  if (host.netns.find('/') != std::string::npos || host.netns.starts_with('.'))
    reader.problem("netns", "'netns' is a name, as 'ip netns' lists it, no path");
  if (reader.has("netns") && !reader.has("address"))
    reader.problem("netns", "'netns': say at which 'address' the other hosts reach it");
  if (reader.has("address") && !reader.has("netns"))
    reader.problem("address", "'address': a namespace that is made for the run gets one; it is for a 'netns'");
  if (!host.address.empty() && !is_hosts_address(host.address))
    reader.problem("address", fmt::format("'address': {} is no IPv4 address of a host", in_quotes(host.address)));
  reader.finish();
}

void read_tolerance(TableReader& reader, const model::ProbeSpec* probe, model::SteadyState& steady) {
  if (probe == nullptr) return;
  for (const auto& measure : probe->measures) {
    if (!reader.has(measure.name)) continue;
    std::string written;
    reader.text(measure.name, written);
    if (written.empty()) continue;
    const auto bound = parse_bound(measure, written);
    if (bound)
      steady.tolerance.emplace(measure.name, bound.value());
    else
      reader.problem(measure.name, fmt::format("'{}': {}", measure.name, bound.error().context));
  }
  if (reader.keys().empty()) reader.problem_here("'tolerance' bounds nothing: any measurement would do");
  reader.finish();
}

void read_steady_state(TableReader& reader, const model::Catalogue& catalogue, model::SteadyState& steady) {
  const auto* probe = named(reader, "probe", "probe", catalogue.probes, &model::ProbeSpec::name);
  if (probe != nullptr) steady.probe = probe->name;
  reader.duration("interval", steady.interval, 10ms, 1h);
  reader.duration("timeout", steady.timeout, 1s);
  if (reader.require("tolerance", "the bounds that a steady state keeps")) {
    if (auto tolerance = reader.table("tolerance")) read_tolerance(*tolerance, probe, steady);
  }
  if (probe == nullptr) return;  // which other keys there may be is not known
  read_parameters(reader, probe->parameters, steady.parameters);
  reader.finish();
}

void read_period(TableReader& reader, const model::FaultSpec& fault, model::Step& step) {
  using Period = model::FaultSpec::Period;
  if (fault.period == Period::none) {
    if (reader.has("for")) reader.problem("for", fmt::format("{} takes no 'for': it is put back at once", fault.name));
    return;
  }
  if (fault.period == Period::required && !reader.require("for", "how long the fault is held")) return;
  if (!reader.has("for")) return;
  Duration period{0};
  reader.duration("for", period, fault.period == Period::required ? Duration{1ms} : Duration{0});
  step.period = period;
}

void read_step(TableReader& reader, const model::Catalogue& catalogue, model::Step& step) {
  if (reader.require("at", "when it begins, from the steady state on")) reader.duration("at", step.at);
  const auto* fault = named(reader, "fault", "fault", catalogue.faults, &model::FaultSpec::name);
  if (reader.require("target", "who is broken")) reader.text("target", step.target);
  if (fault == nullptr) return;  // which other keys there may be is not known
  step.fault = fault->name;
  read_period(reader, *fault, step);
  read_parameters(reader, fault->parameters, step.parameters);
  reader.finish();
}

void read_invariant(TableReader& reader, const model::Catalogue& catalogue, model::InvariantSpec& invariant) {
  const auto* entry = named(reader, "kind", "invariant", catalogue.invariants, &model::InvariantEntry::kind);
  if (entry == nullptr) return;  // which other keys there may be is not known
  invariant.kind = entry->kind;
  reader.text_list("expect", invariant.expect, max_entries);
  const std::vector<std::string> anomalies{entry->anomalies.begin(), entry->anomalies.end()};
  for (std::size_t i = 0; i < invariant.expect.size(); ++i) {
    const auto& expected = invariant.expect[i];
    if (std::ranges::find(anomalies, expected) != anomalies.end()) continue;
    reader.problem(fmt::format("expect.{}", i), fmt::format("'{}' has no anomaly {}{}", entry->kind,
                                                            in_quotes(expected), hint(expected, anomalies)));
  }
  read_parameters(reader, entry->parameters, invariant.parameters);
  reader.finish();
}

}  // namespace

void read_sections(TableReader& root, const model::Catalogue& catalogue, model::Scenario& scenario) {
  if (root.require("name")) root.text("name", scenario.name, {.max_bytes = 64, .lower_case_name = true});
  root.text("title", scenario.title, {.may_be_empty = true});
  root.text("hypothesis", scenario.hypothesis, {.max_bytes = 2000, .may_be_empty = true});
  root.text("environment", scenario.environment, {.max_bytes = 64, .lower_case_name = true});
  root.text_list("accept", scenario.accept, 32, {.max_bytes = 64});
  root.text_list("tags", scenario.tags, 32, {.max_bytes = 64, .lower_case_name = true});
  root.duration("duration", scenario.duration, 100ms);
  for (auto& reader : root.tables("host", max_entries)) read_host(reader, scenario.hosts.emplace_back());
  if (auto system = root.table("system")) {
    if (auto broker = system->table("broker")) read_broker(*broker, scenario.broker);
    system->finish();
  }
  if (auto workload = root.table("workload")) read_workload(*workload, scenario.workload);
  for (auto& reader : root.tables("steady_state", max_entries)) {
    read_steady_state(reader, catalogue, scenario.steady_state.emplace_back());
  }
  for (auto& reader : root.tables("step", max_entries)) read_step(reader, catalogue, scenario.steps.emplace_back());
}

void read_invariant_list(TableReader& root, const model::Catalogue& catalogue, std::vector<model::InvariantSpec>& out) {
  static constexpr std::string_view why = "a run that claims nothing proves nothing";
  if (!root.require("invariant", why)) return;
  auto readers = root.tables("invariant", max_entries);
  if (readers.empty() && root.sound("invariant"))
    root.problem("invariant", fmt::format("'invariant' is empty: {}", why));
  for (auto& reader : readers) read_invariant(reader, catalogue, out.emplace_back());
}

}  // namespace troop::scenarios
