#include "agents/rabbitmq/broker.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>

#include "agents/host/tcp.hpp"
#include "agents/host/workspace.hpp"
#include "agents/rabbitmq/erlang_control.hpp"
#include "common/ids.hpp"

namespace troop::agents {
namespace fs = std::filesystem;
namespace {

constexpr Duration answer_max = std::chrono::milliseconds{500};
constexpr int ends_max = 5;  // a broker that dies this often while it starts will not come up
constexpr auto node_name = "troop@localhost";
constexpr auto search_path = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Debian puts epmd into PATH; where it does not, it is beside the Erlang that RabbitMQ uses.
std::string find_epmd() {
  for (const char* path : {"/usr/bin/epmd", "/usr/lib/erlang/bin/epmd", "/usr/local/bin/epmd"}) {
    if (access(path, X_OK) == 0) return path;
  }
  return {};
}

/// Where RabbitMQ looks for plugins, in its order.
std::vector<fs::path> plugin_folders(const model::Broker& wanted) {
  std::vector<fs::path> out;
  if (!wanted.plugins_dir.empty()) out.emplace_back(wanted.plugins_dir);
  if (fs::is_directory("/usr/lib/rabbitmq/plugins"))
    out.emplace_back("/usr/lib/rabbitmq/plugins");  // Debian's, for more
  std::error_code none;
  out.push_back(fs::canonical(wanted.binary, none).parent_path().parent_path() / "plugins");
  return out;
}

/// A plugin is a folder or an .ez file, named after itself and its version.
bool has_plugin(const fs::path& folder, const std::string& plugin) {
  std::error_code failure;
  for (auto at = fs::directory_iterator{folder, failure}; !failure && at != fs::directory_iterator{};
       at.increment(failure)) {
    const std::string name = at->path().filename().string();
    if (name == plugin || name == plugin + ".ez" || name.starts_with(plugin + "-")) return true;
  }
  return false;
}

std::string joined(const std::vector<fs::path>& folders, std::string_view between) {
  std::string out;
  for (const auto& folder : folders) out += (out.empty() ? "" : std::string{between}) + folder.string();
  return out;
}

Result<void> check_plugins(const model::Broker& wanted) {
  const auto folders = plugin_folders(wanted);
  for (const auto& plugin : wanted.plugins) {
    if (std::ranges::any_of(folders, [&](const fs::path& folder) { return has_plugin(folder, plugin); })) continue;
    return usage_error(
        fmt::format("RabbitMQ has no plugin {} in {}; put its .ez there, or set "
                    "system.broker.plugins_dir to where it is",
                    plugin, joined(folders, ", ")));
  }
  return success();
}

}  // namespace

Result<void> ManagedBroker::check(const model::Broker& wanted) {
  if (wanted.kind != "rabbitmq") return usage_error("broker kind '" + wanted.kind + "' is not known; use 'rabbitmq'");
  if (access(wanted.binary.c_str(), X_OK) != 0) {
    return usage_error("no RabbitMQ at " + wanted.binary +
                       "; install it (apt-get install rabbitmq-server) or set system.broker.binary");
  }
  if (find_epmd().empty()) return usage_error("no epmd on this host; install Erlang (apt-get install erlang-base)");
  if (find_erl().empty()) return usage_error("no erl on this host; install Erlang (apt-get install erlang-base)");
  BOOST_OUTCOME_TRY(check_plugins(wanted));
  if (wanted.port != 0 && !port_is_free(wanted.port)) {
    return usage_error(
        fmt::format("port {} is in use; end what listens there, or leave system.broker.port out so that a "
                    "free one is taken",
                    wanted.port));
  }
  return success();
}

ManagedBroker::ManagedBroker(model::Broker wanted, fs::path folder, const bool& stopping, std::string listen_on)
    : wanted_(std::move(wanted)), folder_(std::move(folder)), stopping_(stopping), listen_on_(std::move(listen_on)) {}

Result<void> ManagedBroker::configure() {
  address_.port = wanted_.port;
  if (address_.port == 0) {
    BOOST_OUTCOME_TRY(address_.port, pick_port());
  }
  do {
    BOOST_OUTCOME_TRY(distribution_port_, pick_port());
    BOOST_OUTCOME_TRY(epmd_port_, pick_port());
  } while (distribution_port_ == address_.port || epmd_port_ == address_.port || distribution_port_ == epmd_port_);
  address_.user = "troop";
  address_.password = random_hex(16);
  control_ = std::make_unique<ErlangControl>(ErlangNode{node_name, epmd_port_, folder_ / "home", folder_}, address_,
                                             stopping_);

  std::error_code failure;
  for (const char* name : {"mnesia", "log", "home"}) fs::create_directory(folder_ / name, failure);
  if (failure) return usage_error(folder_.string() + ": " + failure.message());
  BOOST_OUTCOME_TRY(
      write_private(folder_ / "enabled_plugins", fmt::format("[{}].\n", fmt::join(wanted_.plugins, ","))));
  BOOST_OUTCOME_TRY(write_private(folder_ / "home/.erlang.cookie", random_hex(10), 0400));
  std::string configuration = fmt::format("listeners.tcp.1 = 127.0.0.1:{}\n", address_.port);
  if (!listen_on_.empty()) configuration += fmt::format("listeners.tcp.2 = {}:{}\n", listen_on_, address_.port);
  configuration += fmt::format("default_user = {}\ndefault_pass = {}\n", address_.user, address_.password);
  return write_private(folder_ / "rabbitmq.conf", configuration);
}

Result<void> ManagedBroker::spawn() {
  const auto path = [&](const char* name) { return (folder_ / name).string(); };
  if (!epmd_.alive()) {
    const Spawn what{{find_epmd(), "-port", std::to_string(epmd_port_), "-address", "127.0.0.1"},
                     {fmt::format("PATH={}", search_path)},
                     path("epmd.out"),
                     {},
                     folder_.string()};
    BOOST_OUTCOME_TRY(epmd_, Process::spawn(what));
  }
  Spawn what{
      {fs::absolute(wanted_.binary).string()},
      {fmt::format("PATH={}", search_path), "LANG=C.UTF-8", "HOME=" + path("home"), "RABBITMQ_CONF_ENV_FILE=/dev/null",
       fmt::format("RABBITMQ_NODENAME={}", node_name), fmt::format("RABBITMQ_NODE_PORT={}", address_.port),
       fmt::format("RABBITMQ_DIST_PORT={}", distribution_port_), "RABBITMQ_MNESIA_BASE=" + path("mnesia"),
       "RABBITMQ_LOG_BASE=" + path("log"), "RABBITMQ_CONFIG_FILE=" + path("rabbitmq.conf"),
       "RABBITMQ_ENABLED_PLUGINS_FILE=" + path("enabled_plugins"), "RABBITMQ_PID_FILE=" + path("pid"),
       fmt::format("ERL_EPMD_PORT={}", epmd_port_), "ERL_EPMD_ADDRESS=127.0.0.1", "RUNNING_UNDER_SYSTEMD=true",
       "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}"},
      path("out"),
      {},
      folder_.string()};  // a crash of the Erlang machine leaves a dump there
  if (!wanted_.plugins_dir.empty()) {
    what.environment.push_back("RABBITMQ_PLUGINS_DIR=" + joined(plugin_folders(wanted_), ":"));
  }
  BOOST_OUTCOME_TRY(process_, Process::spawn(what));
  return success();
}

asio::awaitable<Result<void>> ManagedBroker::ready() {
  const std::int64_t deadline = monotonic_ns() + wanted_.start_timeout.count();
  std::int64_t respawn = 0;
  int ends = 0;
  while (!stopping_ && monotonic_ns() < deadline && ends < ends_max) {
    if (process_.alive()) {
      const AmqpAnswer answer = co_await ask_amqp(address_.port, answer_max);
      if (answer == AmqpAnswer::ready && process_.alive()) co_return success();
      co_await pause_for(std::chrono::milliseconds{20});
    } else if (respawn == 0) {
      ++ends;
      respawn = monotonic_ns() + 1'000'000'000;
    } else if (monotonic_ns() >= respawn) {
      respawn = 0;
      BOOST_OUTCOME_CO_TRY(spawn());
    } else {
      co_await pause_for(std::chrono::milliseconds{20});
    }
  }
  if (stopping_) co_return Error{ErrorKind::cancelled, "waiting for the broker was ended"};
  const std::string why = ends == 0
                              ? fmt::format("did not answer AMQP on port {} within {}", address_.port,
                                            model::to_text(wanted_.start_timeout))
                              : fmt::format("ended by itself {}, at last: {}",
                                            ends == 1 ? "once" : fmt::format("{} times", ends), process_.ending());
  co_return Error{ErrorKind::unrestored, "the broker " + why + log_tail()};
}

std::string ManagedBroker::log_tail() const {
  std::ifstream file{log(), std::ios::binary};
  constexpr std::streamoff bytes = 600;
  file.seekg(0, std::ios::end);
  file.seekg(std::max<std::streamoff>(0, file.tellg() - bytes));
  std::string tail;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) tail += (tail.empty() ? "; its log ends: " : " | ") + line;
  }
  return tail;
}

}  // namespace troop::agents
