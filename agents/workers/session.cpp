#include "agents/workers/session.hpp"

#include <amqp_tcp_socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

#include "agents/rabbitmq/client.hpp"
#include "common/unique_fd.hpp"
#include "scenarios/model/topology.hpp"

namespace troop::agents {
namespace {

timeval to_timeval(Duration duration) {
  const auto micros =
      std::max<std::int64_t>(1, std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
  return {static_cast<time_t>(micros / 1'000'000), static_cast<suseconds_t>(micros % 1'000'000)};
}

amqp_bytes_t bytes_of(const std::string& text) { return {text.size(), const_cast<char*>(text.data())}; }

std::string text_of(amqp_bytes_t bytes) { return {static_cast<const char*>(bytes.bytes), bytes.len}; }

/// Waits for one poll event; false when the deadline has passed.
bool await(int fd, short events, std::int64_t deadline_ns) {
  for (;;) {
    const std::int64_t left_ms = (deadline_ns - monotonic_ns() + 999'999) / 1'000'000;
    if (left_ms <= 0) return false;
    pollfd waited{fd, events, 0};
    const int ready = poll(&waited, 1, static_cast<int>(std::min<std::int64_t>(left_ms, 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

/// A connected, non-blocking socket, or errno.
UniqueFd connect_to(const std::string& host, std::uint16_t port, Duration timeout, int& error) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    error = EINVAL;
    return UniqueFd{};
  }
  UniqueFd fd{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  const int on = 1;
  if (!fd || setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
    error = errno;
    return UniqueFd{};
  }
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 && errno != EINPROGRESS) {
    error = errno;
    return UniqueFd{};
  }
  if (!await(fd.get(), POLLOUT, monotonic_ns() + timeout.count())) {
    error = ETIMEDOUT;
    return UniqueFd{};
  }
  socklen_t size = sizeof error;
  if (getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) return UniqueFd{};
  return fd;
}

amqp_table_entry_t entry(const char* name, amqp_field_value_t value) { return {amqp_cstring_bytes(name), value}; }

amqp_field_value_t yes() {
  amqp_field_value_t value{};
  value.kind = AMQP_FIELD_KIND_BOOLEAN;
  value.value.boolean = 1;
  return value;
}

amqp_field_value_t text_value(const char* text) {
  amqp_field_value_t value{};
  value.kind = AMQP_FIELD_KIND_UTF8;
  value.value.bytes = amqp_cstring_bytes(text);
  return value;
}

amqp_rpc_reply_t log_in(amqp_connection_state_t connection, const WorkerConfig& config) {
  amqp_table_entry_t capabilities[] = {entry("connection.blocked", yes()), entry("consumer_cancel_notify", yes()),
                                       entry("publisher_confirms", yes()), entry("basic.nack", yes())};
  amqp_field_value_t capability_table{};
  capability_table.kind = AMQP_FIELD_KIND_TABLE;
  capability_table.value.table = {static_cast<int>(std::size(capabilities)), capabilities};
  const std::string name = worker_name(config);
  const std::string run = run_mark(config.seed);  // names are not unique in a broker that others use too
  amqp_table_entry_t properties[] = {entry("capabilities", capability_table),
                                     entry("connection_name", text_value(name.c_str())),
                                     entry("troop_run", text_value(run.c_str()))};
  const amqp_table_t table{static_cast<int>(std::size(properties)), properties};
  // No heartbeat: the scenario's `retry.timeout` decides when silence is a failure, not the client library.
  constexpr int heartbeat_s = 0;
  return amqp_login_with_properties(connection, config.vhost.c_str(), 0, AMQP_DEFAULT_FRAME_SIZE, heartbeat_s, &table,
                                    AMQP_SASL_METHOD_PLAIN, config.user.c_str(), config.password.c_str());
}

/// Puts the broker's answer into `outcome`; true if it was a good one.
bool good(const amqp_rpc_reply_t& reply, const char* what, OpenOutcome& outcome) {
  if (reply.reply_type == AMQP_RESPONSE_NORMAL) return true;
  outcome.why = what;
  outcome.why += ": ";
  if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION) {
    if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
      const auto* close = static_cast<const amqp_channel_close_t*>(reply.reply.decoded);
      outcome.refused = close->reply_code == AMQP_PRECONDITION_FAILED || close->reply_code == AMQP_ACCESS_REFUSED;
      outcome.why += text_of(close->reply_text);
    } else if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
      const auto* close = static_cast<const amqp_connection_close_t*>(reply.reply.decoded);
      // A type of exchange that needs a plugin which is not there is an invalid command.
      outcome.refused = close->reply_code == AMQP_ACCESS_REFUSED || close->reply_code == AMQP_NOT_ALLOWED ||
                        close->reply_code == AMQP_COMMAND_INVALID;
      outcome.why += text_of(close->reply_text);
    } else {
      outcome.why += "unexpected answer";
    }
  } else {
    outcome.why += amqp_error_string2(reply.library_error);
  }
  return false;
}

/// The arguments of a declaration, as rabbitmq-c wants them; borrows from it.
std::vector<amqp_table_entry_t> arguments_of(const model::QueueDeclaration& queue) {
  std::vector<amqp_table_entry_t> out;
  for (const auto& argument : queue.arguments) {
    amqp_field_value_t value{};
    if (const auto* number = std::get_if<std::int64_t>(&argument.value)) {
      value.kind = AMQP_FIELD_KIND_I64;
      value.value.i64 = *number;
    } else if (const auto* flag = std::get_if<bool>(&argument.value)) {
      value.kind = AMQP_FIELD_KIND_BOOLEAN;
      value.value.boolean = *flag ? 1 : 0;
    } else {
      value = text_value(std::get<std::string>(argument.value).c_str());
    }
    out.push_back(entry(argument.name.data(), value));
  }
  return out;
}

/// Everything, by everybody: whoever comes first makes it, for the others it is a check. What the plugin's exchanges
/// are told is from its own page.
bool declare(amqp_connection_state_t connection, const model::Topology& topology, OpenOutcome& outcome) {
  for (const auto& exchange : topology.exchanges) {
    amqp_table_entry_t routes_as = entry("x-delayed-type", text_value(exchange.type.data()));
    amqp_exchange_declare(connection, Session::channel, bytes_of(exchange.name),
                          amqp_cstring_bytes(exchange.delays ? "x-delayed-message" : exchange.type.data()), 0,
                          exchange.durable ? 1 : 0, 0, 0,
                          exchange.delays ? amqp_table_t{1, &routes_as} : amqp_empty_table);
    if (!good(amqp_get_rpc_reply(connection), "exchange.declare", outcome)) return false;
  }
  for (const auto& queue : topology.queues) {
    auto arguments = arguments_of(queue);
    amqp_queue_declare(connection, Session::channel, bytes_of(queue.name), 0, queue.durable ? 1 : 0, 0, 0,
                       {static_cast<int>(arguments.size()), arguments.data()});
    if (!good(amqp_get_rpc_reply(connection), "queue.declare", outcome)) return false;
  }
  for (const auto& binding : topology.bindings) {
    amqp_queue_bind(connection, Session::channel, bytes_of(binding.queue), bytes_of(binding.exchange),
                    bytes_of(binding.routing_key), amqp_empty_table);
    if (!good(amqp_get_rpc_reply(connection), "queue.bind", outcome)) return false;
  }
  return true;
}

bool consume(amqp_connection_state_t connection, const WorkerConfig& config, const model::Topology& topology,
             OpenOutcome& outcome) {
  const bool reads = config.role == WorkerConfig::Role::reader;
  const bool no_ack = !reads && config.workload.consume.ack == model::Consume::Ack::none;
  amqp_basic_consume(connection, Session::channel, bytes_of(topology.queues.at(queue_of(config)).name),
                     amqp_cstring_bytes(Session::consumer_tag), 0, no_ack ? 1 : 0, 0, amqp_empty_table);
  return good(amqp_get_rpc_reply(connection), "basic.consume", outcome);
}

}  // namespace

std::string Session::connect(const WorkerConfig& config, Duration timeout) {
  connection_ = amqp_new_connection();
  if (connection_ == nullptr) return "out of memory";
  if (config.tls) {
    const TlsOpening opening = open_tls(connection_, config.host, config.port, *config.tls, timeout);
    if (opening.outcome != TlsOpening::Outcome::open) return "connect: " + opening.why;
    tls_ = opening.tls;
    fd_ = amqp_get_sockfd(connection_);
    return {};
  }
  int error = 0;
  UniqueFd fd = connect_to(config.host, config.port, timeout, error);
  if (!fd) return "connect: " + std::generic_category().message(error);
  amqp_socket_t* socket = amqp_tcp_socket_new(connection_);
  if (socket == nullptr) return "out of memory";
  fd_ = fd.get();
  amqp_tcp_socket_set_sockfd(socket, fd.release());  // closed with the connection
  return {};
}

OpenOutcome Session::open(const WorkerConfig& config) {
  OpenOutcome outcome;
  const Duration timeout = config.workload.publish.retry.timeout;
  auto session = std::make_unique<Session>();
  outcome.why = session->connect(config, timeout);
  if (!outcome.why.empty()) return outcome;
  const timeval limit = to_timeval(timeout);
  amqp_set_handshake_timeout(session->connection_, &limit);
  amqp_set_rpc_timeout(session->connection_, &limit);
  if (session->set_up(config, outcome)) outcome.session = std::move(session);
  return outcome;
}

bool Session::set_up(const WorkerConfig& config, OpenOutcome& outcome) {
  if (!good(log_in(connection_, config), "login", outcome)) return false;
  amqp_channel_open(connection_, channel);
  if (!good(amqp_get_rpc_reply(connection_), "channel.open", outcome)) return false;
  const auto topology = model::topology_of(config.workload);
  if (!declare(connection_, topology, outcome)) return false;
  if (config.role == WorkerConfig::Role::producer) {
    if (config.workload.publish.confirm == model::Publish::Confirm::none) return true;
    amqp_confirm_select(connection_, channel);
    return good(amqp_get_rpc_reply(connection_), "confirm.select", outcome);
  }
  amqp_basic_qos(connection_, channel, 0, static_cast<std::uint16_t>(config.workload.consume.prefetch), 0);
  if (!good(amqp_get_rpc_reply(connection_), "basic.qos", outcome)) return false;
  if (config.role == WorkerConfig::Role::consumer &&
      config.workload.consume.on_failure == model::Consume::OnFailure::republish) {
    amqp_confirm_select(connection_, channel);
    if (!good(amqp_get_rpc_reply(connection_), "confirm.select", outcome)) return false;
  }
  return consume(connection_, config, topology, outcome);
}

Session::~Session() {
  if (connection_ != nullptr) amqp_destroy_connection(connection_);
}

std::size_t Session::frame_bytes_max() const { return static_cast<std::size_t>(amqp_get_frame_max(connection_)); }

ssize_t Session::send_some(const char* bytes, std::size_t size) {
  if (tls_ != nullptr) {
    ERR_clear_error();
    std::size_t sent = 0;
    const int status = SSL_write_ex(tls_, bytes, size, &sent);
    if (status == 1) return static_cast<ssize_t>(sent);
    const int why = SSL_get_error(tls_, status);
    return why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ ? 0 : -1;
  }
  for (;;) {
    const ssize_t sent = send(fd_, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return sent;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) return -1;
  }
}

bool Session::flush() {
  while (sent_ < out_.size()) {
    const ssize_t sent = send_some(out_.data() + sent_, out_.size() - sent_);
    if (sent <= 0) return sent == 0;
    sent_ += static_cast<std::size_t>(sent);
  }
  out_.clear();
  sent_ = 0;
  return true;
}

bool Session::flush_until(std::int64_t deadline_ns) {
  for (;;) {
    if (!flush()) return false;
    if (unsent() == 0) return true;
    if (!await(fd_, POLLOUT, deadline_ns)) return false;
  }
}

bool Session::buffered() const {
  return amqp_frames_enqueued(connection_) != 0 || amqp_data_in_buffer(connection_) != 0 ||
         (tls_ != nullptr && SSL_pending(tls_) > 0);
}

Session::Received Session::receive(amqp_frame_t& frame) {
  amqp_maybe_release_buffers(connection_);
  constexpr timeval now{0, 0};
  const int status = amqp_simple_wait_frame_noblock(connection_, &frame, &now);
  if (status == AMQP_STATUS_OK) return Received::frame;
  return status == AMQP_STATUS_TIMEOUT ? Received::nothing : Received::lost;
}

bool Session::consume_again(const WorkerConfig& config) {
  OpenOutcome ignored;
  const std::int64_t deadline = monotonic_ns() + config.workload.publish.retry.timeout.count();
  const auto topology = model::topology_of(config.workload);
  return flush_until(deadline) && declare(connection_, topology, ignored) &&
         consume(connection_, config, topology, ignored);
}

bool Session::close() {
  const timeval* limit = amqp_get_rpc_timeout(connection_);
  const std::int64_t limit_ns = std::int64_t{limit->tv_sec} * 1'000'000'000 + std::int64_t{limit->tv_usec} * 1000;
  OpenOutcome ignored;
  return flush_until(monotonic_ns() + limit_ns) &&
         good(amqp_channel_close(connection_, channel, AMQP_REPLY_SUCCESS), "channel.close", ignored) &&
         good(amqp_connection_close(connection_, AMQP_REPLY_SUCCESS), "connection.close", ignored);
}

void Session::acknowledge_close(amqp_method_number_t close_ok, std::uint16_t on_channel) {
  append_method(out_, on_channel, close_ok);
  // The session is given up whatever happens now.
  static_cast<void>(flush());
}

}  // namespace troop::agents
