#include "agents/rabbitmq/client.hpp"

#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <fmt/format.h>
#include <sys/time.h>

#include <functional>
#include <memory>

#include "agents/host/elsewhere.hpp"

namespace troop::agents {
namespace {

constexpr int frame_bytes_max = 131072;

timeval to_timeval(Duration duration) {
  timeval out{};
  out.tv_sec = duration.count() / 1'000'000'000;
  out.tv_usec = duration.count() % 1'000'000'000 / 1000;
  return out;
}

Error broken(std::string_view what, const amqp_rpc_reply_t& reply) {
  std::string why = "unexpected answer";
  if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) {
    why = amqp_error_string2(reply.library_error);
  } else if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
    const auto* close = static_cast<const amqp_channel_close_t*>(reply.reply.decoded);
    why.assign(static_cast<const char*>(close->reply_text.bytes), close->reply_text.len);
  } else if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION && reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
    const auto* close = static_cast<const amqp_connection_close_t*>(reply.reply.decoded);
    why.assign(static_cast<const char*>(close->reply_text.bytes), close->reply_text.len);
  }
  return {ErrorKind::lost, std::string{what} + ": " + why};
}

struct Release {
  void operator()(amqp_connection_state_t connection) const { amqp_destroy_connection(connection); }
};
struct Destroy {
  void operator()(amqp_connection_state_t connection) const {
    amqp_connection_close(connection, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(connection);
  }
};
using Connection = std::unique_ptr<amqp_connection_state_t_, Destroy>;

/// Why it is not open; empty where it is.
std::string open_socket(amqp_connection_state_t connection, const AmqpAddress& broker, Duration timeout) {
  if (broker.tls) return open_tls(connection, broker.host, broker.port, *broker.tls, timeout).why;
  amqp_socket_t* socket = amqp_tcp_socket_new(connection);
  if (socket == nullptr) return "out of memory";
  const timeval limit = to_timeval(timeout);
  const int status = amqp_socket_open_noblock(socket, broker.host.c_str(), broker.port, &limit);
  return status == AMQP_STATUS_OK ? "" : amqp_error_string2(status);
}

Result<Connection> connect(const AmqpAddress& broker, Duration timeout) {
  Connection connection{amqp_new_connection()};
  if (!connection) return Error{ErrorKind::lost, "out of memory"};
  const timeval limit = to_timeval(timeout);
  amqp_set_handshake_timeout(connection.get(), &limit);
  amqp_set_rpc_timeout(connection.get(), &limit);
  if (const auto why = open_socket(connection.get(), broker, timeout); !why.empty()) {
    return Error{ErrorKind::lost, "connect to the broker: " + why};
  }
  const auto reply = amqp_login(connection.get(), broker.vhost.c_str(), 0, frame_bytes_max, 0, AMQP_SASL_METHOD_PLAIN,
                                broker.user.c_str(), broker.password.c_str());
  if (reply.reply_type != AMQP_RESPONSE_NORMAL) return broken("log in to the broker", reply);
  return connection;
}

struct Greeting {
  AmqpAnswer answer;
  std::string why;  ///< Empty when ready.
};

/// What ask_amqp() of a port in clear does, within TLS. Blocks for about `timeout` at most.
Greeting greet(const AmqpAddress& broker, Duration timeout) {
  using Outcome = TlsOpening::Outcome;
  const std::unique_ptr<amqp_connection_state_t_, Release> connection{amqp_new_connection()};
  if (!connection) return {AmqpAnswer::refused, "out of memory"};
  const TlsOpening opening = open_tls(connection.get(), broker.host, broker.port, *broker.tls, timeout);
  if (opening.outcome == Outcome::untrusted) return {AmqpAnswer::untrusted, opening.why};
  if (opening.outcome == Outcome::silent) return {AmqpAnswer::silent, opening.why};
  if (opening.outcome == Outcome::refused) return {AmqpAnswer::refused, opening.why};
  const timeval limit = to_timeval(timeout);
  amqp_frame_t frame;
  int status = amqp_send_header(connection.get());
  if (status == AMQP_STATUS_OK) status = amqp_simple_wait_frame_noblock(connection.get(), &frame, &limit);
  if (status == AMQP_STATUS_TIMEOUT) return {AmqpAnswer::silent, "no answer to AMQP"};
  const bool started = status == AMQP_STATUS_OK && frame.frame_type == AMQP_FRAME_METHOD &&
                       frame.payload.method.id == AMQP_CONNECTION_START_METHOD;
  if (!started) return {AmqpAnswer::refused, "whoever answers does not speak AMQP"};
  return {AmqpAnswer::ready, {}};
}

}  // namespace

asio::awaitable<AmqpAnswer> ask_amqp(AmqpAddress broker, Duration timeout) {
  if (!broker.tls) co_return co_await ask_amqp(broker.host, broker.port, timeout, broker.netns);
  const std::function<AmqpAnswer()> work = [asked = std::move(broker), timeout] {
    return greet(asked, timeout).answer;
  };
  co_return co_await elsewhere(work);
}

Result<void> check_tls(const AmqpAddress& broker, Duration timeout) {
  if (!broker.tls) return success();
  const Greeting greeting = greet(broker, timeout);
  if (greeting.answer == AmqpAnswer::ready) return success();
  return usage_error(fmt::format("AMQP over TLS on {}:{}: {}", broker.tls->name, broker.port, greeting.why));
}

std::string run_mark(std::uint64_t seed) { return fmt::format("{:016x}", seed); }

Result<std::string> broker_version(const AmqpAddress& broker, Duration timeout) {
  return broker_property(broker, "version", timeout);
}

Result<std::string> broker_property(const AmqpAddress& broker, std::string_view name, Duration timeout) {
  BOOST_OUTCOME_TRY(auto connection, connect(broker, timeout));
  const amqp_table_t* properties = amqp_get_server_properties(connection.get());
  for (int i = 0; properties != nullptr && i < properties->num_entries; ++i) {
    const amqp_table_entry_t& entry = properties->entries[i];
    const std::string_view key{static_cast<const char*>(entry.key.bytes), entry.key.len};
    if (key == name && entry.value.kind == AMQP_FIELD_KIND_UTF8) {
      return std::string{static_cast<const char*>(entry.value.value.bytes.bytes), entry.value.value.bytes.len};
    }
  }
  return Error{ErrorKind::lost, "the broker does not say its " + std::string{name}};
}

Result<QueueDepth> queue_depth(const AmqpAddress& broker, const std::string& queue, Duration timeout) {
  BOOST_OUTCOME_TRY(auto connection, connect(broker, timeout));
  amqp_channel_open(connection.get(), 1);
  if (const auto reply = amqp_get_rpc_reply(connection.get()); reply.reply_type != AMQP_RESPONSE_NORMAL) {
    return broken("open a channel", reply);
  }
  const auto* declared =
      amqp_queue_declare(connection.get(), 1, amqp_cstring_bytes(queue.c_str()), 1, 0, 0, 0, amqp_empty_table);
  if (declared == nullptr) return broken("look at queue " + queue, amqp_get_rpc_reply(connection.get()));
  return QueueDepth{declared->message_count, declared->consumer_count};
}

}  // namespace troop::agents
