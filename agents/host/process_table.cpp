#include "agents/host/process_table.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>

namespace troop::agents {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t text_bytes_max = 64 * 1024;
constexpr unsigned long kernel_thread = 0x00200000;  // PF_KTHREAD of the kernel's sched.h

std::string content(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::string text(text_bytes_max, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

std::string link_target(const std::string& path) {
  std::error_code failure;
  return fs::read_symlink(path, failure).string();
}

/// Names of entries that are numbers.
std::vector<std::string> numbers_in(const std::string& folder) {
  std::vector<std::string> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> listing{opendir(folder.c_str()), closedir};
  while (listing) {
    const dirent* entry = readdir(listing.get());
    if (entry == nullptr) break;
    const std::string name{entry->d_name};
    if (std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; })) found.push_back(name);
  }
  return found;
}

std::string base_name(std::string path) {
  constexpr std::string_view gone = " (deleted)";  // what the kernel adds where the file was replaced
  if (path.ends_with(gone)) path.resize(path.size() - gone.size());
  return path.substr(path.rfind('/') + 1);
}

std::set<std::string> groups_in(const std::string& text) {
  std::set<std::string> groups;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second != std::string::npos) groups.insert(line.substr(second + 1));
  }
  return groups;
}

/// Local port and inode of each listening socket in a table like /proc/net/tcp, see proc(5).
void collect_listening(const char* path, std::uint16_t port, std::set<std::string>& inodes) {
  constexpr std::string_view listening = "0A";
  std::ifstream file{path};
  std::string line;
  std::getline(file, line);  // the names of the columns
  while (std::getline(file, line)) {
    std::istringstream columns{line};
    std::string number, local, remote, state, queues, timer, retransmits, user, timeout, inode;
    columns >> number >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
    const auto colon = local.rfind(':');
    unsigned value = 0;
    if (state != listening || colon == std::string::npos || inode == "0") continue;
    std::from_chars(local.data() + colon + 1, local.data() + local.size(), value, 16);
    if (value == port) inodes.insert(inode);
  }
}

/// Whether a line of /proc/PID/status has the signal in its mask.
bool has_signal(pid_t pid, std::string_view name, int number) {
  std::istringstream lines{content(fmt::format("/proc/{}/status", pid))};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(name)) continue;
    std::uint64_t mask = 0;
    const std::size_t begin = line.find_first_not_of(": \t", name.size());
    if (begin != std::string::npos) std::from_chars(line.data() + begin, line.data() + line.size(), mask, 16);
    return ((mask >> static_cast<unsigned>(number - 1)) & 1U) != 0;
  }
  return false;
}

}  // namespace

std::optional<ProcessRow> read_process(pid_t pid) {
  const auto identity = identify(pid);
  if (!identity) return std::nullopt;
  const std::string folder = fmt::format("/proc/{}/", pid);
  ProcessRow row;
  row.identity = *identity;
  const std::string status = content(folder + "stat");
  const auto name_begin = status.find('('), name_end = status.rfind(')');
  if (name_begin == std::string::npos || name_end == std::string::npos) return std::nullopt;
  row.command = status.substr(name_begin + 1, name_end - name_begin - 1);
  std::istringstream fields{status.substr(name_end + 1)};
  std::string state, group, session, terminal, foreground;
  unsigned long flags = 0;
  fields >> state >> row.parent >> group >> session >> terminal >> foreground >> flags;
  row.is_kernel = (flags & kernel_thread) != 0;
  row.command_line = content(folder + "cmdline");
  while (row.command_line.ends_with('\0')) row.command_line.pop_back();
  std::ranges::replace(row.command_line, '\0', ' ');
  row.program = base_name(link_target(folder + "exe"));
  struct stat file {};
  if (::stat((folder + "exe").c_str(), &file) == 0) {
    row.executable = fmt::format("{}:{}", file.st_dev, file.st_ino);
  }
  row.network = link_target(folder + "ns/net");
  row.groups = groups_in(content(folder + "cgroup"));
  // All of this is of one process only if that one is there still.
  if (!lives(row.identity)) return std::nullopt;
  return row;
}

std::vector<ProcessRow> read_process_table() {
  std::vector<ProcessRow> rows;
  for (const auto& name : numbers_in("/proc")) {
    pid_t pid = 0;
    std::from_chars(name.data(), name.data() + name.size(), pid);
    if (auto row = read_process(pid)) rows.push_back(std::move(*row));
  }
  return rows;
}

std::set<std::string> sockets_of(pid_t pid) {
  constexpr std::string_view prefix = "socket:[";
  std::set<std::string> inodes;
  const std::string folder = fmt::format("/proc/{}/fd", pid);
  for (const auto& name : numbers_in(folder)) {
    const std::string target = link_target(folder + "/" + name);
    if (target.starts_with(prefix)) inodes.insert(target.substr(prefix.size(), target.size() - prefix.size() - 1));
  }
  return inodes;
}

bool handles(pid_t pid, int signal_number) { return has_signal(pid, "SigCgt", signal_number); }

bool is_pending(pid_t pid, int signal_number) {
  return has_signal(pid, "SigPnd", signal_number) || has_signal(pid, "ShdPnd", signal_number);
}

std::set<std::string> listening_sockets(std::uint16_t port) {
  std::set<std::string> inodes;
  collect_listening("/proc/thread-self/net/tcp", port, inodes);
  collect_listening("/proc/thread-self/net/tcp6", port, inodes);
  return inodes;
}

}  // namespace troop::agents
