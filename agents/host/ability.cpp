#include "agents/host/ability.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <system_error>

#include "agents/host/control_group.hpp"
#include "agents/host/nftables.hpp"
#include "agents/host/packet_filter.hpp"
#include "agents/host/packet_queue.hpp"
#include "agents/host/process.hpp"
#include "agents/host/queue_table.hpp"
#include "agents/host/shaping.hpp"
#include "agents/host/tcp_connections.hpp"
#include "common/unique_fd.hpp"

namespace troop::agents {
namespace {

std::string reason(int failure) { return std::generic_category().message(failure); }

constexpr const char* more_processes = "allow this user more processes (ulimit -u, pids.max of its cgroup)";

/// Does nothing until it is killed. Ended and reaped when dropped.
class Sleeper {
 public:
  Sleeper() : parent_(getpid()), pid_(fork()) {
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (getppid() == parent_) pause();
    _exit(0);
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  ~Sleeper() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t parent_, pid_;
};

/// What `attempt` says in a child, so that whatever it made is gone with it; empty: it did.
std::string in_child(std::string (*attempt)()) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return "pipe: " + reason(errno);
  const UniqueFd hears{ends[0]};
  UniqueFd says{ends[1]};
  const pid_t parent = getpid(), pid = fork();
  if (pid < 0) return "fork: " + reason(errno);
  if (pid == 0) {
    // Nothing of a working agent's, such as its tables and its lock, may live on in here.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    const int pipe = says.get();
    if (pipe > STDERR_FILENO + 1) close_range(STDERR_FILENO + 1, static_cast<unsigned>(pipe) - 1, 0);
    close_range(static_cast<unsigned>(pipe) + 1, ~0U, 0);
    const std::string text = attempt();
    _exit(write(says.get(), text.data(), text.size()) < 0 ? 1 : 0);
  }
  says.reset();
  std::string text(1000, '\0');
  const ssize_t got = read(hears.get(), text.data(), text.size());
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return text.empty() && status != 0 ? "whoever tried ended early" : text;
}

std::string enter_network_namespace() { return unshare(CLONE_NEWNET) == 0 ? "" : "unshare: " + reason(errno); }

std::string make_owned_table() {
  if (auto failure = enter_network_namespace(); !failure.empty()) return failure;
  auto nftables = Nftables::open();
  if (nftables.has_error()) return nftables.error().context;
  const auto made = nftables.value().run("add table ip " + fresh_table_name() + " { flags owner; }");
  return made.has_error() ? made.error().context : "";
}

std::string make_packet_queue() {
  if (auto failure = enter_network_namespace(); !failure.empty()) return failure;
  const auto queue = PacketQueue::open();
  if (queue.has_error()) return queue.error().context;
  Traffic traffic;
  traffic.peers.emplace_back(boost::asio::ip::address_v4::loopback());
  const auto table = QueueTable::start(std::move(traffic), queue.value().number(), std::chrono::seconds{1});
  return table.has_error() ? table.error().context : "";
}

std::string make_shaping() {
  if (auto failure = make_owned_table(); !failure.empty()) return failure;
  const Shaping on_loopback{.links = {1}, .number = 1};  // of a new namespace, loopback is the first
  const auto made = shape(on_loopback, 1'000'000);
  return made.has_error() ? made.error().context : "";
}

std::string make_netem() {
  if (auto failure = make_owned_table(); !failure.empty()) return failure;
  const Shaping on_loopback{.links = {1}, .number = 1};
  const auto made = shape(on_loopback, Netem{.delay = std::chrono::milliseconds{1}});
  if (made.has_error()) return made.error().context;
  const auto delay = delay_of(on_loopback);
  return delay.has_error() ? delay.error().context : "";
}

bool raise_loopback(int any_socket) {
  ifreq loopback{};
  std::memcpy(loopback.ifr_name, "lo", 3);
  loopback.ifr_flags = IFF_UP | IFF_RUNNING;
  return ioctl(any_socket, SIOCSIFFLAGS, &loopback) == 0;
}

sockaddr_in any_port_of_loopback() {
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return here;
}

/// One connection of this process with itself.
std::string reset_own_connection() {
  if (auto failure = enter_network_namespace(); !failure.empty()) return failure;
  const UniqueFd any{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)},
      other{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in here = any_port_of_loopback();
  socklen_t size = sizeof here;
  auto* const address = reinterpret_cast<sockaddr*>(&here);
  if (!raise_loopback(any.get()) || bind(any.get(), address, size) != 0 || listen(any.get(), 1) != 0 ||
      getsockname(any.get(), address, &size) != 0 || connect(other.get(), address, size) != 0) {
    return "a connection over loopback: " + reason(errno);
  }
  Traffic traffic;
  traffic.peers.emplace_back(boost::asio::ip::address_v4::loopback());
  const auto gone = reset_connections(traffic);
  if (gone.has_error()) return gone.error().context;
  return gone.value() > 0 ? "" : "the kernel says it did, and did not";
}

/// A datagram of this process to itself, which is told to be of its own control group when it leaves.
std::string tell_own_control_group() {
  const auto group = own_control_group();
  if (group.has_error()) return group.error().context;
  if (auto failure = enter_network_namespace(); !failure.empty()) return failure;
  StopRule rule{.traffic = {}, .how = Stop::drop};
  rule.traffic.peers.emplace_back(boost::asio::ip::address_v4::loopback());
  rule.traffic.group = group.value();
  auto filter = PacketFilter::start(std::move(rule), std::chrono::seconds{2});
  if (filter.has_error()) return filter.error().context;
  const UniqueFd any{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  sockaddr_in here = any_port_of_loopback();
  socklen_t size = sizeof here;
  auto* const address = reinterpret_cast<sockaddr*>(&here);
  if (!raise_loopback(any.get()) || bind(any.get(), address, size) != 0 ||
      getsockname(any.get(), address, &size) != 0) {
    return "a datagram over loopback: " + reason(errno);
  }
  (void)sendto(any.get(), "x", 1, 0, address, size);  // it is dropped, and the kernel may say so
  const auto counts = filter.value().counters();
  if (counts.has_error()) return counts.error().context;
  return counts.value().stopped_out == 1 ? "" : "the kernel took a packet of this process for somebody else's";
}

Ability of_network(std::string_view what, const std::string& failure, const char* otherwise) {
  if (failure.empty()) return {};
  // The kernel asks for rights, whatever else is missing.
  const char* remedy = geteuid() == 0 ? otherwise : "run as root, or with CAP_SYS_ADMIN and CAP_NET_ADMIN";
  return {fmt::format("{}: {}", what, failure), remedy};
}

}  // namespace

Ability try_processes() {
  const Sleeper sleeper;
  if (sleeper.pid() < 0) return {"no process can be started: " + reason(errno), more_processes};
  const UniqueFd pinned{pidfd_open(sleeper.pid())};
  if (!pinned) {
    return {"a process cannot be pinned (pidfd_open: " + reason(errno) + ")",
            "Linux 5.3 or later; in a container, a seccomp profile that allows pidfd_open and pidfd_send_signal"};
  }
  for (const int number : {SIGSTOP, SIGKILL}) {
    if (pidfd_send_signal(pinned.get(), number) != 0) {
      return {"own processes cannot be signalled: " + reason(errno),
              "in a container, a seccomp profile that allows pidfd_send_signal"};
    }
    siginfo_t seen{};
    while (waitid(P_PID, static_cast<id_t>(sleeper.pid()), &seen, WSTOPPED | WEXITED | WNOWAIT) != 0 && errno == EINTR)
      continue;
    if (number == SIGSTOP && process_state(sleeper.pid()) != 'T') {
      return {"/proc does not show that a process is stopped", "mount /proc, for this user too (hidepid)"};
    }
  }
  return {};
}

Ability try_network_namespaces() {
  return of_network("no network namespace can be made", in_child(enter_network_namespace),
                    "in a container, CAP_SYS_ADMIN; else a kernel with CONFIG_NET_NS and room for one more "
                    "(user.max_net_namespaces)");
}

Ability try_nftables() {
  return of_network("no nftables table can be made that goes with its owner", in_child(make_owned_table),
                    "in a container, CAP_NET_ADMIN; else Linux 5.12 or later with nf_tables (modprobe nf_tables)");
}

Ability try_shaping() {
  auto tried = of_network("no rate can be given to packets", in_child(make_shaping),
                          "in a container, CAP_NET_ADMIN; else a kernel with sch_htb and nf_tables (modprobe sch_htb)");
  if (tried.able()) tried.how = "HTB";
  return tried;
}

Ability try_netem() {
  auto tried = of_network("packets that leave cannot be held or altered", in_child(make_netem),
                          "in a container, CAP_NET_ADMIN; else a kernel with sch_netem, sch_htb and nf_tables "
                          "(modprobe sch_netem)");
  if (tried.able()) tried.how = "netem";
  return tried;
}

Ability try_connection_reset() {
  return of_network("no connection can be aborted", in_child(reset_own_connection),
                    "in a container, CAP_NET_ADMIN; else a kernel with CONFIG_INET_DIAG_DESTROY (modprobe tcp_diag)");
}

Ability try_control_group_traffic() {
  return of_network("packets cannot be told by the control group of their socket", in_child(tell_own_control_group),
                    "mount the unified hierarchy (mount -t cgroup2 none /sys/fs/cgroup/unified); else Linux 5.13 or "
                    "later with nft_socket (modprobe nft_socket)");
}

Ability try_packet_queue() {
  auto tried =
      of_network("no packets can be held", in_child(make_packet_queue),
                 "in a container, CAP_NET_ADMIN; else a kernel with nfnetlink_queue, nft_compat and xt_NFQUEUE "
                 "(modprobe nfnetlink_queue nft_compat xt_NFQUEUE)");
  if (tried.able()) tried.how = "NFQUEUE";
  return tried;
}

}  // namespace troop::agents
