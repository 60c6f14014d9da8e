// What the agent itself asks a broker over AMQP 0-9-1. Blocking, each call bounded by its timeout.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/clock.hpp"
#include "common/error.hpp"

namespace troop::agents {

struct AmqpAddress {
  std::uint16_t port = 0;
  std::string user;
  std::string password;  ///< Never printed.
  std::string vhost = "/";
  std::string host = "127.0.0.1";  ///< An IPv4 address.
};

/// How connections of one run are told from all others: the client property troop_run.
std::string run_mark(std::uint64_t seed);

/// The version in the server's properties, "3.10.8". Errors: lost.
Result<std::string> broker_version(const AmqpAddress& broker, Duration timeout);
/// Another of them: "platform" is "Erlang/OTP 25.2.3". Errors: lost, also where the broker does not say.
Result<std::string> broker_property(const AmqpAddress& broker, std::string_view name, Duration timeout);

struct QueueDepth {
  std::uint32_t ready = 0;  ///< Messages that wait for delivery; unacknowledged ones are not among them.
  std::uint32_t consumers = 0;
};
/// A passive declare: changes nothing. Errors: lost, also where there is no such queue.
Result<QueueDepth> queue_depth(const AmqpAddress& broker, const std::string& queue, Duration timeout);

}  // namespace troop::agents
