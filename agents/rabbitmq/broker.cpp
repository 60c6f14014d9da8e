#include "agents/rabbitmq/broker.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>

#include "agents/host/burden.hpp"
#include "agents/host/fake_clock.hpp"
#include "agents/host/tcp.hpp"
#include "agents/host/workspace.hpp"
#include "agents/rabbitmq/erlang_control.hpp"
#include "common/ids.hpp"

namespace troop::agents {
namespace fs = std::filesystem;
namespace {

constexpr Duration answer_max = std::chrono::milliseconds{500};
constexpr Duration ask_max = std::chrono::seconds{25};
constexpr std::int64_t shared_memory_mib = 16;
constexpr std::uint64_t bytes_per_mib = 1 << 20, memory_left_mib = 512;
constexpr int ends_max = 5;  // a broker that dies this often while it starts will not come up
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

/// "127.0.0.1" as Erlang writes it: 127,0,0,1.
std::string joined_by_commas(std::string address) {
  std::ranges::replace(address, '.', ',');
  return address;
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

/// Disks in memory take memory, and can be made by root alone.
Result<void> check_disk(const model::Broker& wanted) {
  if (wanted.disk_mib == 0) return success();
  const auto disks = std::max<std::uint64_t>(wanted.nodes_on.size(), 1) * static_cast<std::uint64_t>(wanted.disk_mib);
  const std::uint64_t available = available_memory() / bytes_per_mib;
  if (disks + memory_left_mib > available) {
    return usage_error(
        fmt::format("system.broker.disk_mib: {} MiB of memory are available, too few for {} MiB of disks "
                    "and {} MiB to spare",
                    available, disks, memory_left_mib));
  }
  // In a mount namespace that nobody enters.
  const auto tried = PrivateMounts::make({{fs::temp_directory_path(), wanted.disk_mib}});
  if (tried.has_error()) return Error{tried.error()}.within("system.broker.disk_mib");
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
  BOOST_OUTCOME_TRY(check_disk(wanted));
  if (wanted.port != 0 && !port_is_free(wanted.port)) {
    return usage_error(
        fmt::format("port {} is in use; end what listens there, or leave system.broker.port out so that a "
                    "free one is taken",
                    wanted.port));
  }
  return success();
}

Result<BrokerSecrets> fresh_secrets(const model::Broker& wanted) {
  BrokerSecrets out;
  out.port = wanted.port;
  if (out.port == 0) {
    BOOST_OUTCOME_TRY(out.port, pick_port());
  }
  do {
    BOOST_OUTCOME_TRY(out.distribution_port, pick_port());
    BOOST_OUTCOME_TRY(out.epmd_port, pick_port());
  } while (out.distribution_port == out.port || out.epmd_port == out.port || out.distribution_port == out.epmd_port);
  out.password = random_hex(16);
  out.cookie = random_hex(10);
  return out;
}

void ManagedBroker::join(ClusterPlace place, int netns) {
  place_ = std::move(place);
  netns_ = netns;
  address_.host = place_.addresses.at(place_.index);
  address_.netns = netns;
}

ErlangNode ManagedBroker::node() const {
  const bool in_cluster = place_.in_cluster();
  return {.name = "troop@" + (in_cluster ? address_.host : std::string{"localhost"}),
          .epmd_port = secrets_.epmd_port,
          .home = folder_ / "home",
          .scratch = folder_,
          .long_name = in_cluster,
          .netns = netns_};
}

asio::awaitable<Result<std::int64_t>> ManagedBroker::running_nodes() {
  BOOST_OUTCOME_CO_TRY(const auto answer, co_await ask_node(node(), "length(rabbit_nodes:all_running())",
                                                            boost::json::object{}, ask_max, stopping_));
  if (!answer.is_int64()) co_return Error{ErrorKind::lost, "the broker's answer is not understood"};
  co_return answer.get_int64();
}

Result<void> ManagedBroker::let_clock_be_set() {
  BOOST_OUTCOME_TRY(fake_clock_, find_fake_clock());
  return success();
}

Result<void> ManagedBroker::set_clock(Duration offset) { return set_fake_clock(folder_ / "clock", offset); }

asio::awaitable<Result<Duration>> ManagedBroker::wall_clock() {
  BOOST_OUTCOME_CO_TRY(const auto answer, co_await ask_node(node(), "os:system_time(millisecond)",
                                                            boost::json::object{}, ask_max, stopping_));
  if (!answer.is_int64()) co_return Error{ErrorKind::lost, "the broker's answer is not understood"};
  co_return std::chrono::milliseconds{answer.get_int64()};
}

std::string ManagedBroker::configuration() const {
  std::string out = fmt::format("listeners.tcp.1 = {}:{}\n", address_.host, address_.port);
  if (!listen_on_.empty()) out += fmt::format("listeners.tcp.2 = {}:{}\n", listen_on_, address_.port);
  out += fmt::format("default_user = {}\ndefault_pass = {}\n", address_.user, address_.password);
  if (!place_.in_cluster()) return out;
  static constexpr std::string_view on_partition[] = {"ignore", "pause_minority", "autoheal"};
  out += fmt::format("cluster_partition_handling = {}\n", on_partition[static_cast<std::size_t>(wanted_.on_partition)]);
  out += "cluster_formation.peer_discovery_backend = classic_config\n";
  for (std::size_t i = 0; i < place_.addresses.size(); ++i) {
    out += fmt::format("cluster_formation.classic_config.nodes.{} = troop@{}\n", i + 1, place_.addresses[i]);
  }
  // Whoever is first holds a lock while it looks for nodes that wait for that very lock: a short look forms the cluster
  // soonest, and longer ones have been seen to keep nodes out of it.
  return out + "cluster_formation.discovery_retry_limit = 1\ncluster_formation.discovery_retry_interval = 100\n";
}

Result<void> ManagedBroker::configure(const BrokerSecrets& secrets) {
  secrets_ = secrets;
  address_.port = secrets_.port;
  address_.user = "troop";
  address_.password = secrets_.password;
  control_ = std::make_unique<ErlangControl>(node(), address_, stopping_);

  std::error_code failure;
  for (const char* name : {"mnesia", "log", "home"}) fs::create_directory(folder_ / name, failure);
  if (failure) return usage_error(folder_.string() + ": " + failure.message());
  if (!fake_clock_.empty()) {
    BOOST_OUTCOME_TRY(set_clock(Duration{0}));
  }
  std::vector<PrivateMount> mounts;
  if (wanted_.disk_mib > 0) mounts.push_back({folder_ / "mnesia", wanted_.disk_mib});
  // The library keeps shared memory of each process there, which one that is killed leaves behind.
  if (!fake_clock_.empty()) mounts.push_back({fake_clock_folder, shared_memory_mib});
  if (!mounts.empty()) {
    BOOST_OUTCOME_TRY(mounts_, PrivateMounts::make(mounts));
  }
  BOOST_OUTCOME_TRY(
      write_private(folder_ / "enabled_plugins", fmt::format("[{}].\n", fmt::join(wanted_.plugins, ","))));
  BOOST_OUTCOME_TRY(write_private(folder_ / "home/.erlang.cookie", secrets_.cookie, 0400));
  return write_private(folder_ / "rabbitmq.conf", configuration());
}

Result<void> ManagedBroker::configure() {
  BOOST_OUTCOME_TRY(const auto secrets, fresh_secrets(wanted_));
  return configure(secrets);
}

Result<void> ManagedBroker::spawn() {
  const auto path = [&](const char* name) { return (folder_ / name).string(); };
  if (!epmd_.alive()) {
    const Spawn what{{find_epmd(), "-port", std::to_string(secrets_.epmd_port), "-address", address_.host},
                     {fmt::format("PATH={}", search_path)},
                     path("epmd.out"),
                     {},
                     folder_.string(),
                     netns_};
    BOOST_OUTCOME_TRY(epmd_, Process::spawn(what));
  }
  std::string kernel = "-kernel inet_dist_use_interface {" + joined_by_commas(address_.host) + "}";
  if (place_.in_cluster())
    kernel += fmt::format(" -kernel net_ticktime {}", wanted_.net_ticktime / std::chrono::seconds{1});
  Spawn what{
      {fs::absolute(wanted_.binary).string()},
      {fmt::format("PATH={}", search_path), "LANG=C.UTF-8", "HOME=" + path("home"), "RABBITMQ_CONF_ENV_FILE=/dev/null",
       "RABBITMQ_NODENAME=" + node().name, fmt::format("RABBITMQ_NODE_PORT={}", address_.port),
       fmt::format("RABBITMQ_DIST_PORT={}", secrets_.distribution_port), "RABBITMQ_MNESIA_BASE=" + path("mnesia"),
       "RABBITMQ_LOG_BASE=" + path("log"), "RABBITMQ_CONFIG_FILE=" + path("rabbitmq.conf"),
       "RABBITMQ_ENABLED_PLUGINS_FILE=" + path("enabled_plugins"), "RABBITMQ_PID_FILE=" + path("pid"),
       fmt::format("ERL_EPMD_PORT={}", secrets_.epmd_port), "ERL_EPMD_ADDRESS=" + address_.host,
       "RUNNING_UNDER_SYSTEMD=true", "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=" + kernel},
      path("out"),
      {},
      folder_.string(),  // a crash of the Erlang machine leaves a dump there
      netns_,
      mounts_.mounts()};
  if (!fake_clock_.empty()) {
    for (auto& each : fake_clock_environment(fake_clock_, folder_ / "clock")) {
      what.environment.push_back(std::move(each));
    }
  }
  if (place_.in_cluster()) what.environment.emplace_back("RABBITMQ_USE_LONGNAME=true");
  if (!wanted_.plugins_dir.empty()) {
    what.environment.push_back("RABBITMQ_PLUGINS_DIR=" + joined(plugin_folders(wanted_), ":"));
  }
  BOOST_OUTCOME_TRY(process_, Process::spawn(what));
  return success();
}

asio::awaitable<Result<void>> ManagedBroker::ready(std::int64_t deadline) {
  std::int64_t respawn = 0;
  int ends = 0;
  while (!stopping_ && monotonic_ns() < deadline && ends < ends_max) {
    if (process_.alive()) {
      const AmqpAnswer answer = co_await ask_amqp(address_, answer_max);
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
