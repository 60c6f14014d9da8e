// What the agent itself asks a broker over AMQP 0-9-1. Blocking, each call bounded by its timeout.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agents/host/tcp.hpp"
#include "agents/rabbitmq/tls.hpp"
#include "common/clock.hpp"
#include "common/error.hpp"

namespace troop::agents {

struct AmqpAddress {
  std::uint16_t port = 0;
  std::string user;
  std::string password;  ///< Never printed.
  std::string vhost = "/";
  std::string host = "127.0.0.1";   ///< An IPv4 address.
  std::optional<TlsPeer> tls = {};  ///< Over TLS, and who has to answer; nothing: in clear.
  int netns = -1;                   ///< The network namespace where ask_amqp() asks; -1: this thread's.
};

/// How connections of one run are told from all others: the client property troop_run.
std::string run_mark(std::uint64_t seed);

/// The version in the server's properties, "3.10.8". Errors: lost.
Result<std::string> broker_version(const AmqpAddress& broker, Duration timeout);
/// Another of them: "platform" is "Erlang/OTP 25.2.3". Errors: lost, also where the broker does not say.
Result<std::string> broker_property(const AmqpAddress& broker, std::string_view name, Duration timeout);

/// What the broker does with a protocol header, within TLS where its address says so.
boost::asio::awaitable<AmqpAnswer> ask_amqp(AmqpAddress broker, Duration timeout);
/// Whether who answers over TLS may be trusted and speaks AMQP. Changes nothing. Errors: usage.
Result<void> check_tls(const AmqpAddress& broker, Duration timeout);

struct QueueDepth {
  std::uint32_t ready = 0;  ///< Messages that wait for delivery; unacknowledged ones are not among them.
  std::uint32_t consumers = 0;
};
/// A passive declare: changes nothing. Errors: lost, also where there is no such queue.
Result<QueueDepth> queue_depth(const AmqpAddress& broker, const std::string& queue, Duration timeout);

}  // namespace troop::agents
