#include "agents/host/burden.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace troop::agents {

struct Burden::Shared {
  std::atomic<std::uint64_t> bytes = 0;
  std::atomic<int> failure = 0;
  std::atomic<int> file = -1;
  std::atomic<bool> limited = false;
};

namespace {

constexpr std::uint64_t mib = 1 << 20;
constexpr std::uint64_t page_bytes = 4096;
constexpr std::int64_t period_ms = 20;  // of the CPU: busy for a part of it, then idle
constexpr int look_ms = 50;             // whether the floor is still kept

/// The begin of a small file, ended by 0. Allocates nothing.
template <std::size_t n>
bool read_begin(const char* path, std::array<char, n>& text) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  const ssize_t got = fd < 0 ? -1 : read(fd, text.data(), n - 1);
  if (fd >= 0) close(fd);
  text[static_cast<std::size_t>(std::max<ssize_t>(got, 0))] = '\0';
  return got > 0;
}

/// A file that holds one number; "max" and what is not there are the largest.
std::uint64_t number_in(const char* path) {
  std::array<char, 64> text{};
  if (!read_begin(path, text) || text[0] < '0' || text[0] > '9') return UINT64_MAX;
  return std::strtoull(text.data(), nullptr, 10);
}

std::uint64_t left_in_group(const char* limit_path, const char* usage_path) {
  const std::uint64_t limit = number_in(limit_path), usage = number_in(usage_path);
  if (limit == UINT64_MAX || usage == UINT64_MAX) return UINT64_MAX;
  return limit > usage ? limit - usage : 0;
}

/// When the child has to end: nobody has said for a lease that it may go on.
class Lease {
 public:
  Lease(int pipe, Duration length) : pipe_(pipe), length_(length.count()), last_(monotonic_ns()) {}
  /// Sleeps so long, or ends this process.
  void wait(int milliseconds) {
    const std::int64_t until = monotonic_ns() + milliseconds * std::int64_t{1'000'000};
    do {
      const auto left = static_cast<int>(std::max<std::int64_t>(0, (until - monotonic_ns()) / 1'000'000));
      pollfd heard{pipe_, POLLIN, 0};
      if (poll(&heard, 1, left) == 1) {
        std::array<char, 64> bytes;
        if (read(pipe_, bytes.data(), bytes.size()) <= 0) _exit(0);  // the agent has let go of it
        last_ = monotonic_ns();
      }
      if (monotonic_ns() - last_ > length_) _exit(0);
    } while (monotonic_ns() < until);
  }

 private:
  int pipe_;
  std::int64_t length_, last_;
};

[[noreturn]] void burn_cpu(const BurdenPlan& plan, Lease lease) {
  while (true) {
    const std::int64_t busy_until = monotonic_ns() + period_ms * plan.percent * 10'000;
    while (monotonic_ns() < busy_until) continue;
    lease.wait(static_cast<int>(period_ms * (100 - plan.percent) / 100));
  }
}

/// Takes `plan.bytes` step by step, and gives back where the floor is not kept; for ever. `take` and `give` move the
/// end of what is held to a place, and say whether that could be done.
template <class Available, class Take, class Give, class Shared>
[[noreturn]] void fill(const BurdenPlan& plan, Shared& shared, Lease lease, std::uint64_t step, Available available,
                       Take take, Give give) {
  std::uint64_t held = 0;
  bool growing = true;
  while (true) {
    const std::uint64_t more = std::min(step, plan.bytes - held);
    growing = growing && more > 0;
    const std::uint64_t free_now = available();
    if (growing && free_now >= plan.floor + more) {
      if (take(held, held + more)) {
        held += more;
      } else {
        shared.failure = errno;
        growing = false;
      }
    } else if (growing || (free_now < plan.floor && held > 0)) {
      shared.limited = true;
      growing = false;
      const std::uint64_t less = free_now < plan.floor ? std::min(held, std::max(step, plan.floor - free_now)) : 0;
      if (less > 0 && give(held - less, held)) held -= less;
    }
    shared.bytes = held;
    lease.wait(growing ? 0 : look_ms);
  }
}

template <class Shared>
[[noreturn]] void fill_memory(const BurdenPlan& plan, Shared& shared, Lease lease) {
  void* const room =
      mmap(nullptr, plan.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) {
    shared.failure = errno;
    _exit(1);
  }
  auto* const begin = static_cast<volatile char*>(room);
  const auto take = [&](std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t at = from; at < to; at += page_bytes) begin[at] = static_cast<char>(at / page_bytes + 1);
    return true;
  };
  const auto give = [&](std::uint64_t from, std::uint64_t to) {
    return madvise(static_cast<char*>(room) + from, to - from, MADV_DONTNEED) == 0;
  };
  fill(plan, shared, lease, mib, available_memory, take, give);
}

/// A file without a name: the kernel frees it with whoever has it open, and there is never one to be removed.
template <class Shared>
int nameless_file(const BurdenPlan& plan, Shared& shared) {
  const int file = openat(plan.folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file < 0) {
    shared.failure = errno;
    _exit(1);
  }
  shared.file = file;
  return file;
}

template <class Shared>
[[noreturn]] void fill_disk(const BurdenPlan& plan, Shared& shared, Lease lease) {
  const int file = nameless_file(plan, shared);
  const auto take = [&](std::uint64_t from, std::uint64_t to) {
    return fallocate(file, 0, static_cast<off_t>(from), static_cast<off_t>(to - from)) == 0;
  };
  const auto give = [&](std::uint64_t from, std::uint64_t) { return ftruncate(file, static_cast<off_t>(from)) == 0; };
  fill(
      plan, shared, lease, mib, [&] { return available_room(file); }, take, give);
}

template <class Shared>
[[noreturn]] void burn_io(const BurdenPlan& plan, Shared& shared, Lease lease) {
  static std::array<char, 64 * 1024> block;
  const int file = nameless_file(plan, shared);
  const std::int64_t began = monotonic_ns();
  std::uint64_t written = 0;
  while (true) {
    block[0] = static_cast<char>(written / block.size());  // never the same block twice in a row
    const ssize_t count = pwrite(file, block.data(), block.size(), static_cast<off_t>(written % plan.bytes));
    if (count <= 0 || (written % mib == 0 && fdatasync(file) != 0)) {
      shared.failure = errno;
      _exit(1);
    }
    written += static_cast<std::uint64_t>(count);
    shared.bytes = written;
    const double due_s = static_cast<double>(written) / static_cast<double>(plan.bytes_per_second);
    const double late_s = static_cast<double>(monotonic_ns() - began) / 1e9 - due_s;
    lease.wait(late_s < 0 ? static_cast<int>(-late_s * 1000) : 0);
  }
}

}  // namespace

std::uint64_t available_memory() {
  std::array<char, 4096> text{};
  if (!read_begin("/proc/meminfo", text)) return 0;
  constexpr const char* name = "MemAvailable:";
  const char* line = std::strstr(text.data(), name);
  if (line == nullptr) return 0;
  const std::uint64_t host = std::strtoull(line + std::strlen(name), nullptr, 10) * 1024;
  // In a container these are its own.
  const std::uint64_t v2 = left_in_group("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current");
  const std::uint64_t v1 =
      left_in_group("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes");
  return std::min({host, v1, v2});
}

std::uint64_t available_room(int fd) {
  struct statvfs status {};
  return fstatvfs(fd, &status) == 0 ? status.f_bavail * status.f_frsize : 0;
}

void Burden::carry(const BurdenPlan& plan, Shared& shared, int pipe, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  setpgid(0, 0);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  prctl(PR_SET_NAME, "troop-burden");
  const int first = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (first < 0 || write(first, "1000", 4) != 4) _exit(1);
  // A lock or a socket that it kept open would hide the agent's death.
  const auto [low, high] = std::minmax(pipe, plan.folder);
  const auto close_from_to = [](int from, int to) {
    if (from <= to) close_range(static_cast<unsigned>(from), static_cast<unsigned>(to), 0);
  };
  if (low > STDERR_FILENO) {
    close_from_to(STDERR_FILENO + 1, low - 1);
    close_from_to(low + 1, high - 1);
  } else {
    close_from_to(STDERR_FILENO + 1, high - 1);
  }
  close_range(static_cast<unsigned>(high) + 1, ~0U, 0);
  const Lease lease{pipe, plan.lease};
  switch (plan.kind) {
    case BurdenPlan::Kind::cpu:
      burn_cpu(plan, lease);
    case BurdenPlan::Kind::memory:
      fill_memory(plan, shared, lease);
    case BurdenPlan::Kind::disk:
      fill_disk(plan, shared, lease);
    case BurdenPlan::Kind::io:
      burn_io(plan, shared, lease);
  }
  _exit(1);
}

void Burden::Unmap::operator()(Shared* shared) const { munmap(shared, sizeof(Shared)); }

Result<Burden> Burden::start(const BurdenPlan& plan) {
  Burden burden;
  void* const room = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) return system_error(ErrorKind::lost, "mmap", errno);
  burden.shared_.reset(new (room) Shared);
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
    return system_error(ErrorKind::lost, "socketpair", errno);
  const UniqueFd hears{ends[0]};
  burden.pipe_.reset(ends[1]);
  const pid_t parent = getpid();
  burden.pid_ = fork();
  if (burden.pid_ < 0) return system_error(ErrorKind::lost, "fork", errno);
  if (burden.pid_ == 0) carry(plan, *burden.shared_, hears.get(), parent);
  burden.pidfd_.reset(pidfd_open(burden.pid_));
  if (!burden.pidfd_) return system_error(ErrorKind::lost, "pidfd_open", errno);
  return burden;
}

Burden::Burden(Burden&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      pipe_(std::move(other.pipe_)),
      shared_(std::move(other.shared_)),
      cpu_time_(other.cpu_time_) {}

Burden::~Burden() { end(); }

Result<void> Burden::renew() const {
  pollfd ended{pidfd_.get(), POLLIN, 0};
  if (!pidfd_ || poll(&ended, 1, 0) != 0) {
    const int why = failure();
    return Error{ErrorKind::lost,
                 fmt::format("pid {} has ended{}", pid_, why == 0 ? "" : ": " + std::generic_category().message(why))};
  }
  // A full buffer: it is starved, and has not read what was said before; that counts as well.
  if (send(pipe_.get(), ".", 1, MSG_NOSIGNAL) < 0 && errno != EAGAIN)
    return system_error(ErrorKind::lost, fmt::format("pid {}", pid_), errno);
  return success();
}

std::uint64_t Burden::bytes() const { return shared_->bytes; }
int Burden::failure() const { return shared_->failure; }
bool Burden::was_limited() const { return shared_->limited; }

Duration Burden::cpu_time() const {
  clockid_t clock{};
  timespec used{};
  if (pid_ <= 0 || clock_getcpuclockid(pid_, &clock) != 0 || clock_gettime(clock, &used) != 0) return cpu_time_;
  return std::chrono::seconds{used.tv_sec} + std::chrono::nanoseconds{used.tv_nsec};
}

std::uint64_t Burden::resident() const {
  std::ifstream file{fmt::format("/proc/{}/statm", pid_)};
  std::uint64_t all = 0, in_ram = 0;
  file >> all >> in_ram;
  return in_ram * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::uint64_t Burden::allocated() const {
  struct stat status {};
  const auto file = fmt::format("/proc/{}/fd/{}", pid_, shared_->file.load());
  constexpr std::uint64_t block = 512;  // stat(2), whatever the file system's own
  return stat(file.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.st_blocks) * block : 0;
}

void Burden::end() {
  if (pid_ <= 0) return;
  cpu_time_ = cpu_time();
  kill(pid_, SIGKILL);  // our child and not reaped: the pid is still its own
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
  pid_ = -1;
}

}  // namespace troop::agents
