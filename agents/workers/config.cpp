#include "agents/workers/config.hpp"

#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cmath>
#include <cstdint>

#include "agents/protocol/messages.hpp"
#include "scenarios/model/topology.hpp"

namespace troop::agents {
namespace {

namespace json = boost::json;

Error wrong(std::string_view member) {
  return usage_error("worker configuration: '" + std::string{member} + "' is missing or wrong");
}

/// A member that is an integer within [least, most].
template <class Integer>
Result<void> take(const json::object& from, std::string_view name, Integer& out, Integer least, Integer most) {
  const json::value* value = from.if_contains(name);
  if (value == nullptr || !(value->is_int64() || value->is_uint64())) return wrong(name);
  boost::system::error_code error;
  const auto number = value->to_number<Integer>(error);
  if (error || number < least || number > most) return wrong(name);
  out = number;
  return success();
}

Result<void> take(const json::object& from, std::string_view name, std::string& out) {
  const json::value* value = from.if_contains(name);
  if (value == nullptr || !value->is_string()) return wrong(name);
  out = std::string{value->get_string()};
  return success();
}

Result<void> take(const json::object& from, std::string_view name, std::vector<std::string>& out) {
  constexpr std::size_t most = 16;
  const json::value* value = from.if_contains(name);
  if (value == nullptr || !value->is_array() || value->get_array().size() > most) return wrong(name);
  for (const auto& entry : value->get_array()) {
    if (!entry.is_string()) return wrong(name);
    out.emplace_back(entry.get_string());
  }
  return success();
}

/// Nothing: the broker is spoken to in clear.
Result<void> take_tls(const json::object& from, std::optional<TlsPeer>& out) {
  const json::value* value = from.if_contains("tls");
  if (value == nullptr) return success();
  if (!value->is_object()) return wrong("tls");
  TlsPeer peer;
  BOOST_OUTCOME_TRYV(take(value->get_object(), "name", peer.name));
  BOOST_OUTCOME_TRYV(take(value->get_object(), "ca_file", peer.ca_file));
  if (peer.name.empty()) return wrong("name");
  out = std::move(peer);
  return success();
}

std::string_view role_name(WorkerConfig::Role role) {
  static constexpr std::string_view names[] = {"producer", "consumer", "reader"};
  return names[static_cast<std::size_t>(role)];
}

Result<void> take_role(const json::object& from, WorkerConfig::Role& out) {
  std::string role;
  BOOST_OUTCOME_TRYV(take(from, "role", role));
  for (const auto each : {WorkerConfig::Role::producer, WorkerConfig::Role::consumer, WorkerConfig::Role::reader}) {
    if (role != role_name(each)) continue;
    out = each;
    return success();
  }
  return wrong("role");
}

/// What a worker cannot work with, whoever let it through.
bool workable(const model::Workload& w) {
  const auto& retry = w.publish.retry;
  return w.payload_bytes >= 0 && w.payload_bytes <= (128 << 20) && w.keys >= 1 && w.keys <= INT32_MAX &&
         w.queue.name.size() <= 255 && w.publish.window >= 1 && w.publish.window <= 1'000'000 && retry.attempts >= 1 &&
         retry.attempts <= UINT16_MAX && retry.initial.count() >= 0 && retry.max.count() >= 0 &&
         retry.timeout.count() > 0 && std::isfinite(retry.multiplier) && retry.jitter >= 0 && retry.jitter <= 1 &&
         w.consume.prefetch >= 0 && w.consume.prefetch <= UINT16_MAX && w.consume.work.count() >= 0;
}

}  // namespace

std::string worker_name(const WorkerConfig& config) {
  switch (config.role) {
    case WorkerConfig::Role::producer:
      return model::producer_name(config.number);
    case WorkerConfig::Role::consumer:
      return model::consumer_name(config.number);
    case WorkerConfig::Role::reader:
      break;
  }
  return model::reader_name(config.number);
}

WorkerConfig worker_config(WorkerConfig::Role role, std::int64_t number, const model::Workload& workload) {
  WorkerConfig config;
  config.role = role;
  config.number = number;
  config.workload = workload;
  if (role == WorkerConfig::Role::producer && workload.producers > 0) {
    config.rate = workload.rate / static_cast<double>(workload.producers);
  }
  return config;
}

std::size_t queue_of(const WorkerConfig& config) {
  if (config.role == WorkerConfig::Role::consumer) return model::queue_of_consumer(config.workload, config.number);
  const auto topology = model::topology_of(config.workload);
  const std::size_t index = static_cast<std::size_t>(config.number) - 1;
  const std::size_t sinks = topology.count(model::QueueDeclaration::Use::sink);
  return index < sinks ? topology.count(model::QueueDeclaration::Use::work) + index : index - sinks;
}

std::vector<std::uint32_t> owned_keys(const WorkerConfig& config) {
  const std::int64_t step = config.workload.producers > 0 ? config.workload.producers : 1;
  std::vector<std::uint32_t> keys;
  for (std::int64_t key = config.number; key <= config.workload.keys; key += step) {
    keys.push_back(static_cast<std::uint32_t>(key));
  }
  if (keys.empty()) keys.push_back(static_cast<std::uint32_t>(config.number));
  return keys;
}

std::string to_json(const WorkerConfig& config) {
  json::object object{
      {"role", role_name(config.role)},
      {"number", config.number},
      {"host", config.host},
      {"next_hosts", json::array(config.next_hosts.begin(), config.next_hosts.end())},
      {"port", config.port},
      {"vhost", config.vhost},
      {"user", config.user},
      {"password", config.password},
      {"rate", config.rate},
      {"start_ns", config.start_ns},
      {"effects_fd", config.effects_fd},
      {"seed", config.seed},
      {"workload", protocol::to_json(config.workload)},
  };
  if (config.tls) object["tls"] = {{"name", config.tls->name}, {"ca_file", config.tls->ca_file}};
  return json::serialize(object);
}

Result<WorkerConfig> worker_config_from_json(std::string_view text) {
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = 8;
  const json::value value = json::parse({text.data(), text.size()}, error, {}, options);
  if (error || !value.is_object()) return usage_error("worker configuration: not a JSON object");
  const json::object& from = value.get_object();

  WorkerConfig config;
  BOOST_OUTCOME_TRYV(take_role(from, config.role));
  BOOST_OUTCOME_TRYV(take<std::int64_t>(from, "number", config.number, 1, UINT16_MAX));
  BOOST_OUTCOME_TRYV(take(from, "host", config.host));
  BOOST_OUTCOME_TRYV(take(from, "next_hosts", config.next_hosts));
  BOOST_OUTCOME_TRYV(take<std::uint16_t>(from, "port", config.port, 1, UINT16_MAX));
  BOOST_OUTCOME_TRYV(take(from, "vhost", config.vhost));
  BOOST_OUTCOME_TRYV(take(from, "user", config.user));
  BOOST_OUTCOME_TRYV(take(from, "password", config.password));
  BOOST_OUTCOME_TRYV(take_tls(from, config.tls));
  BOOST_OUTCOME_TRYV(take<std::int64_t>(from, "start_ns", config.start_ns, 0, INT64_MAX));
  BOOST_OUTCOME_TRYV(take<int>(from, "effects_fd", config.effects_fd, -1, INT32_MAX));
  BOOST_OUTCOME_TRYV(take<std::uint64_t>(from, "seed", config.seed, 0, UINT64_MAX));
  const json::value* rate = from.if_contains("rate");
  if (rate == nullptr || !rate->is_number()) return wrong("rate");
  config.rate = rate->to_number<double>();
  if (!(config.rate >= 0 && config.rate <= 1e9)) return wrong("rate");

  const json::value* workload = from.if_contains("workload");
  if (workload == nullptr) return wrong("workload");
  auto read = protocol::workload_from_json(*workload);
  if (!read) return usage_error("worker configuration: " + read.error().context);
  config.workload = std::move(read.value());
  if (!workable(config.workload)) return usage_error("worker configuration: workload: a number is out of range");
  return config;
}

Result<WorkerConfig> read_worker_config(int fd) {
  std::string text;
  char chunk[4096];
  for (;;) {
    const ssize_t got = read(fd, chunk, sizeof chunk);
    if (got == 0) break;
    if (got < 0) {
      if (errno == EINTR) continue;
      return system_error(ErrorKind::usage, "worker configuration: read", errno);
    }
    text.append(chunk, static_cast<std::size_t>(got));
    if (text.size() > WorkerConfig::bytes_max) return usage_error("worker configuration: longer than 64 KiB");
  }
  return worker_config_from_json(text);
}

}  // namespace troop::agents
