#include "controller/fleet/agent_link.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "agents/protocol/messages.hpp"
#include "agents/protocol/spawn.hpp"
#include "common/unique_fd.hpp"
#include "scenarios/model/attach.hpp"

namespace troop::controller {
namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace json = boost::json;
namespace {

constexpr int child_control_fd = 3;
constexpr int ended_with_its_service = 128 + SIGKILL;  // nobody is left who could say more
/// A new agent first pays what a dead one owes: it may have to wait until an attached broker is up again.
constexpr Duration greeting_max = std::chrono::seconds{90};

/// What the agent may know of our environment: where to keep state and temporary files, and variables of ours, such as
/// those that an attached broker's references name. Nothing else is its business.
std::vector<std::string> agent_environment() {
  std::vector<std::string> out{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"};
  for (const char* name : {"TMPDIR", "XDG_RUNTIME_DIR", "TROOP_STATE_DIR"}) {
    if (const char* value = std::getenv(name)) out.push_back(std::string{name} + "=" + value);
  }
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view text{*each};
    if (text.starts_with(model::secret_variable_prefix) && !text.starts_with("TROOP_STATE_DIR="))
      out.emplace_back(text);
  }
  return out;
}

/// posix_spawn with `control` as descriptor 3; returns the pid.
Result<int> spawn_agent(const fs::path& agent, const fs::path& log, int control, const std::string& netns) {
  const std::string path = agent.string();
  std::string fd = std::to_string(child_control_fd);
  std::vector<std::string> texts{path, "serve", "--control-fd", fd};
  if (!netns.empty()) texts.insert(texts.end(), {"--netns", netns});
  std::vector<char*> argv;
  for (auto& text : texts) argv.push_back(text.data());
  argv.push_back(nullptr);
  auto environment = agent_environment();
  std::vector<char*> envp;
  for (auto& text : environment) envp.push_back(text.data());
  envp.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&actions, control, child_control_fd);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  const int failure = posix_spawn(&pid, path.c_str(), &actions, &attributes, argv.data(), envp.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) return system_error(ErrorKind::usage, "start " + path, failure);
  return pid;
}

}  // namespace

Result<fs::path> find_agent() {
  if (const char* chosen = std::getenv("TROOP_AGENT"); chosen != nullptr && *chosen != '\0') return fs::path{chosen};
  std::error_code failure;
  const fs::path beside = fs::read_symlink("/proc/self/exe", failure).parent_path() / "troop-agent";
  if (access(beside.c_str(), X_OK) == 0) return beside;
  return usage_error("no troop-agent at " + beside.string() + "; build it, or set TROOP_AGENT to where it is");
}

Result<std::unique_ptr<AgentLink>> AgentLink::start(asio::io_context& io, const fs::path& agent, const fs::path& log,
                                                    Listener listener, const std::string& netns) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    return system_error(ErrorKind::usage, "socketpair", errno);
  }
  UniqueFd ours{fcntl(pair[0], F_DUPFD_CLOEXEC, 10)};  // never the number the child's end gets
  UniqueFd theirs{fcntl(pair[1], F_DUPFD_CLOEXEC, 10)};
  ::close(pair[0]);
  ::close(pair[1]);
  BOOST_OUTCOME_TRY(const int pid, spawn_agent(agent, log, theirs.get(), netns));

  std::unique_ptr<AgentLink> link{new AgentLink{io, std::move(listener)}};
  link->pid_ = pid;
  protocol::Channel::Socket socket{io};
  boost::system::error_code failure;
  socket.assign(asio::local::stream_protocol{}, ours.release(), failure);
  if (failure) return Error{ErrorKind::lost, "control socket: " + failure.message()};
  link->channel_ = protocol::Channel::adopt(std::move(socket));
  protocol::spawn(io, link->listen());
  return link;
}

Result<std::unique_ptr<AgentLink>> AgentLink::connect(asio::io_context& io, const fs::path& socket, Listener listener) {
  const auto failed = [&](int number) {
    return system_error(ErrorKind::usage, "no agent's service at " + socket.string(), number);
  };
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = socket.string();
  if (path.size() >= sizeof address.sun_path) return failed(ENAMETOOLONG);
  path.copy(address.sun_path, path.size());
  UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};  // a full queue is no reason to wait
  if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return failed(errno);
  ucred service{};
  socklen_t size = sizeof service;
  if (getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &service, &size) != 0) return failed(errno);
  if (service.uid != 0 && service.uid != geteuid())
    return usage_error(path + " belongs to user " + std::to_string(service.uid) + ", and not to root or to you");

  std::unique_ptr<AgentLink> link{new AgentLink{io, std::move(listener)}};
  protocol::Channel::Socket stream{io};
  boost::system::error_code failure;
  stream.assign(asio::local::stream_protocol{}, fd.release(), failure);
  if (failure) return Error{ErrorKind::lost, "control socket: " + failure.message()};
  link->channel_ = protocol::Channel::adopt(std::move(stream));
  protocol::spawn(io, link->listen());
  return link;
}

Result<std::unique_ptr<AgentLink>> AgentLink::open(asio::io_context& io, const AgentSource& source, Listener listener,
                                                   const std::string& netns) {
  if (source.service.empty()) return start(io, source.program, source.log, std::move(listener), netns);
  if (!netns.empty()) return usage_error("an agent's service has no agents in other network namespaces");
  return connect(io, source.service, std::move(listener));
}

void AgentLink::close() { channel_->close(); }

void AgentLink::kill() {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
}

AgentLink::~AgentLink() {
  finishing_ = true;
  ending_->forgotten = true;
  if (channel_) channel_->close();
  if (pid_ > 0 && !reaped_) waitpid(pid_, nullptr, WNOHANG);
}

asio::awaitable<void> AgentLink::listen() {
  const auto channel = channel_;
  const auto ending = ending_;
  while (true) {
    auto frame = co_await channel->receive();
    if (ending->forgotten) co_return;
    if (pid_ < 0 && frame.has_error() && !ending->exit_code) ending->exit_code = ended_with_its_service;
    if (finishing_) {
      if (pid_ > 0 || frame.has_error()) co_return;
      if (frame.value().kind != protocol::FrameKind::message) continue;
      if (const auto message = protocol::parse_message(frame.value().body); message.has_value())
        take_ending(message.value());
      continue;
    }
    if (frame.has_error()) {
      lose(frame.error().context);
      co_return;
    }
    take(frame.value());
  }
}

void AgentLink::take(const protocol::OwnedFrame& frame) {
  silent_ = false;
  switch (frame.kind) {
    case protocol::FrameKind::records:
      if (auto batch = protocol::decode_records(frame.body); batch.has_value()) return listener_.records(batch.value());
      break;
    case protocol::FrameKind::watermark:
      if (auto time = protocol::decode_watermark(frame.body); time.has_value())
        return listener_.watermark(time.value());
      break;
    case protocol::FrameKind::log:
      if (auto piece = protocol::decode_log(frame.body); piece.has_value())
        return listener_.log(piece.value().name, piece.value().bytes);
      break;
    case protocol::FrameKind::message:
      if (auto message = protocol::parse_message(frame.body); message.has_value()) {
        return take_message(std::move(message).value());
      }
      break;
  }
  channel_->close();  // whoever breaks the protocol is not listened to any more
}

void AgentLink::take_ending(const json::object& message) {
  if (const auto code = protocol::integer_field(message, "exit_code"); code.has_value())
    ending_->exit_code = static_cast<int>(code.value());
}

void AgentLink::take_message(json::object message) {
  if (const auto id = protocol::integer_field(message, "reply"); id.has_value()) {
    const auto found = pending_.find(id.value());
    if (found == pending_.end()) return;  // its requester has given up
    if (const json::value* error = message.if_contains("error")) {
      found->second->result = Result<json::object>{protocol::error_from_json(*error)};
    } else {
      found->second->result = Result<json::object>{std::move(message)};
    }
    found->second->done->cancel();
    return;
  }
  const auto notice = protocol::text_field(message, "notice");
  if (notice.has_error()) return;
  if (notice.value() == "event") listener_.event(message);
  if (notice.value() == "ended") take_ending(message);
  if (notice.value() == "ending") {
    if (auto reason = protocol::text_field(message, "reason"); reason.has_value()) reason_ = reason.value();
    // A service holds the connection until its agent has put everything back.
    if (pid_ < 0) lose(reason_);
  }
  if (notice.value() == "died") {
    const auto part = protocol::text_field(message, "part");
    const auto detail = protocol::text_field(message, "detail");
    if (part.has_value() && detail.has_value()) listener_.died(part.value(), detail.value());
  }
}

void AgentLink::lose(const std::string& reason) {
  if (lost_) return;
  lost_ = true;
  if (reason_.empty()) reason_ = reason;
  for (const auto& [id, pending] : pending_) {
    if (!pending->result) pending->result = Result<json::object>{Error{ErrorKind::lost, "the agent ended: " + reason_}};
    pending->done->cancel();
  }
  listener_.lost(reason_);
}

asio::awaitable<Result<json::object>> AgentLink::request(std::string_view name, json::object fields, Duration timeout) {
  if (lost_) co_return Error{ErrorKind::lost, "the agent ended: " + reason_};
  if (finishing_) co_return Error{ErrorKind::lost, "the agent was told to end"};
  const std::int64_t id = next_id_++;
  fields["request"] = name;
  fields["id"] = id;
  const auto pending = std::make_shared<Pending>();
  pending->done = std::make_shared<asio::steady_timer>(io_, timeout);
  pending_[id] = pending;
  channel_->send(protocol::message_frame(json::serialize(fields)));
  (void)co_await pending->done->async_wait(asio::as_tuple(asio::use_awaitable));
  pending_.erase(id);
  if (!pending->result) silent_ = true;
  if (!pending->result) co_return Error{ErrorKind::timeout, "the agent did not answer '" + std::string{name} + "'"};
  co_return std::move(*pending->result);
}

asio::awaitable<Result<json::object>> AgentLink::greet(const fs::path& directory) {
  json::object greeting{{"version", protocol::version}, {"directory", directory.string()}};
  const std::int64_t asked = monotonic_ns();
  BOOST_OUTCOME_CO_TRY(auto reply, co_await request("hello", std::move(greeting), greeting_max));
  BOOST_OUTCOME_CO_TRY(const auto clock, protocol::text_field(reply, "clock"));
  BOOST_OUTCOME_CO_TRY(const auto time, protocol::integer_field(reply, "time"));
  if (clock != clock_source() || time < asked || time > monotonic_ns()) {
    co_return usage_error(
        "the agent counts time since another boot or in another time namespace than this controller: " + clock +
        " is not " + clock_source());
  }
  co_return reply;
}

void AgentLink::abandon() {
  for (const auto& [id, pending] : pending_) {
    if (!pending->result)
      pending->result = Result<json::object>{Error{ErrorKind::cancelled, "the agent's answer was not waited for"}};
    pending->done->cancel();
  }
}

asio::awaitable<std::optional<int>> AgentLink::finish(Duration timeout) {
  finishing_ = true;
  abandon();  // nobody will answer now: whoever waits, waits no longer
  if (pid_ > 0) {
    channel_->close();
  } else {
    channel_->close_sending();  // the service still has to say how its agent ended
  }
  const std::int64_t deadline = monotonic_ns() + timeout.count();
  asio::steady_timer timer{io_};
  while (true) {
    int status = 0;
    if (ending_->exit_code) co_return ending_->exit_code;
    if (pid_ > 0 && waitpid(pid_, &status, WNOHANG) == pid_) {
      reaped_ = true;
      co_return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    if (monotonic_ns() >= deadline) co_return std::nullopt;
    timer.expires_after(std::chrono::milliseconds{5});
    (void)co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

}  // namespace troop::controller
