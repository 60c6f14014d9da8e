// What a worker is told when it starts. Travels as JSON through a descriptor, because it holds a password: argv and the
// environment of a process can be read by others.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agents/rabbitmq/tls.hpp"
#include "common/error.hpp"
#include "scenarios/model/scenario.hpp"

namespace troop::agents {

struct WorkerConfig {
  enum class Role { producer, consumer, reader };
  static constexpr std::size_t bytes_max = 64 * 1024;

  Role role = Role::producer;
  std::int64_t number = 1;  ///< From 1, counted per role.
  std::string host = "127.0.0.1";
  std::vector<std::string> next_hosts;  ///< Other nodes of a cluster, tried in this order where one does not answer.
  std::uint16_t port = 0;
  std::string vhost = "/";
  std::string user;
  std::string password;        ///< Never printed.
  std::optional<TlsPeer> tls;  ///< As in AmqpAddress.
  model::Workload workload;
  double rate = 0;  ///< Messages per second of this producer alone; 0: closed loop, as fast as the window lets.
  std::int64_t start_ns = 0;  ///< CLOCK_MONOTONIC: when the load begins; 0, or a time already past at a restart: now.
  int effects_fd = -1;        ///< A consumer's, where handlers remember what they did: an EffectsTable.
  std::uint64_t seed = 0;     ///< The run's; each worker derives its own streams from it.
};

/// "producer-1", "consumer-2", "reader-1".
std::string worker_name(const WorkerConfig& config);

/// The configuration of one worker of `workload`: its share of the rate is set, connection and seed are the caller's.
WorkerConfig worker_config(WorkerConfig::Role role, std::int64_t number, const model::Workload& workload);

/// Where a consumer or a reader works: an index into the queues of the workload's topology. The first readers have the
/// sinks; those beyond have the work queues, and read out what no consumer takes.
std::size_t queue_of(const WorkerConfig& config);

/// The keys that belong to this producer alone: those of 1 … keys with (key - 1) mod producers = number - 1. Never
/// empty: a producer that gets none of them gets the one of its own number, which lies beyond `keys`.
std::vector<std::uint32_t> owned_keys(const WorkerConfig& config);

/// One JSON object, the password in clear: for the descriptor only.
std::string to_json(const WorkerConfig& config);
/// Errors: usage, naming the member that is missing or wrong; never quoting a value.
Result<WorkerConfig> worker_config_from_json(std::string_view text);
/// Reads `fd` to its end and parses it. Blocks until the writer closes. Errors: usage; more than bytes_max is refused.
Result<WorkerConfig> read_worker_config(int fd);

}  // namespace troop::agents
