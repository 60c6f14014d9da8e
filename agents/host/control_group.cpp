#include "agents/host/control_group.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include "common/clock.hpp"
#include "common/ids.hpp"
#include "scenarios/model/cgroup_path.hpp"

namespace troop::agents {
namespace fs = std::filesystem;
namespace {

/// Where nft looks for groups, and the way from there to the root of all files. The folder need not be the hierarchy's:
/// on a machine with both kinds of hierarchies it is not.
constexpr std::string_view nft_looks_in = "/sys/fs/cgroup";
constexpr std::string_view nft_way_out = "../../..";

constexpr std::string_view own_prefix = "troop-";
constexpr Duration leaving_max = std::chrono::seconds{1};

bool is_unified(const std::string& folder) {
  struct statfs status {};
  return statfs(folder.c_str(), &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC;
}

/// The folder of the whole hierarchy, or of what this process's namespace shows as the whole; see proc(5), mountinfo.
Result<std::string> unified_hierarchy() {
  std::ifstream lines{"/proc/self/mountinfo"};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields{line};
    std::string id, parent, device, root, at;
    fields >> id >> parent >> device >> root >> at;
    if (line.find(" - cgroup2 ") == std::string::npos || root != "/") continue;
    // Another mount may hide it; a blank or a quote in its name is more than nft's language takes.
    if (model::is_cgroup_path(at) && is_unified(at)) return at;
  }
  return usage_error("no unified hierarchy of control groups (cgroup v2) is mounted here");
}

/// 0 where there is none.
std::uint64_t id_of(const std::string& folder) {
  struct stat status {};
  return stat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && is_unified(folder) ? status.st_ino : 0;
}

Result<ControlGroup> group_at(const std::string& path) {
  BOOST_OUTCOME_TRY(const auto root, unified_hierarchy());
  ControlGroup group{.path = path, .folder = root + path, .id = id_of(root + path)};
  if (group.id == 0) return usage_error(fmt::format("there is no control group {} in {}", path, root));
  if (id_of(fmt::format("{}/{}{}", nft_looks_in, nft_way_out, group.folder)) != group.id) {
    return usage_error(fmt::format("nft does not find {} from {}", group.folder, nft_looks_in));
  }
  return group;
}

/// Calls `each` for the folder of a group, and for those below; some of them may go meanwhile.
void walk(const std::string& folder, const std::function<void(const std::string& folder)>& each) {
  each(folder);
  std::error_code failure;
  for (fs::directory_iterator entry{folder, failure}; !failure && entry != fs::directory_iterator{};
       entry.increment(failure)) {
    std::error_code gone;
    if (entry->is_directory(gone)) walk(entry->path(), each);
  }
}

}  // namespace

std::uint32_t ControlGroup::level() const { return static_cast<std::uint32_t>(std::ranges::count(path, '/')); }

bool ControlGroup::is_within(const ControlGroup& other) const {
  return path.starts_with(other.path) && (path.size() == other.path.size() || path[other.path.size()] == '/');
}

std::string ControlGroup::quoted() const { return fmt::format("\"{}{}\"", nft_way_out, folder); }

Result<ControlGroup> find_control_group(const std::string& path) {
  if (!model::is_cgroup_path(path)) {
    return usage_error("'" + path + "' is no path of a control group, such as \"/system.slice/shop.service\"");
  }
  return group_at(path);
}

Result<ControlGroup> own_control_group() {
  constexpr std::string_view unified = "0::";
  std::ifstream lines{"/proc/self/cgroup"};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(unified)) continue;
    line.erase(0, unified.size());
    return line == "/" ? group_at("") : find_control_group(line);
  }
  return usage_error("this process is in no control group of the unified hierarchy");
}

Result<ControlGroup> plan_control_group(const std::string& name) {
  BOOST_OUTCOME_TRY(auto group, own_control_group());
  if (access(group.folder.c_str(), W_OK) != 0) return system_error(ErrorKind::usage, group.folder, errno);
  const std::string below = fmt::format("/{}{}-{}", own_prefix, random_hex(4), name);
  group = {.path = group.path + below, .folder = group.folder + below, .id = 0};
  if (!model::is_cgroup_path(group.path)) return usage_error(group.path + " is no path of a control group");
  return group;
}

Result<void> make_control_group(ControlGroup& group) {
  if (mkdir(group.folder.c_str(), 0755) != 0) return system_error(ErrorKind::lost, group.folder, errno);
  group.id = id_of(group.folder);
  if (group.id == 0) return Error{ErrorKind::lost, "there is no control group " + group.folder};
  return success();
}

Result<UniqueFd> way_into(const ControlGroup& group) {
  UniqueFd file{open((group.folder + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC)};
  if (!file) return system_error(ErrorKind::lost, group.folder, errno);
  return file;
}

Result<void> remove_control_group(const std::string& folder) {
  const fs::path path{folder};
  if (!path.filename().string().starts_with(own_prefix) || id_of(folder) == 0) return success();
  const std::int64_t deadline = monotonic_ns() + leaving_max.count();
  while (rmdir(folder.c_str()) != 0 && errno != ENOENT) {
    if (errno != EBUSY || monotonic_ns() > deadline) return system_error(ErrorKind::unrestored, folder, errno);
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return success();
}

Result<void> still_there(const ControlGroup& group) {
  if (group.id == 0) return Error{ErrorKind::lost, "the control group " + group.path + " was not made"};
  if (id_of(group.folder) == group.id) return success();
  return Error{ErrorKind::lost, "the control group " + group.path + " has been removed"};
}

std::set<pid_t> processes_in(const ControlGroup& group) {
  std::set<pid_t> found;
  walk(group.folder, [&](const std::string& folder) {
    std::ifstream pids{folder + "/cgroup.procs"};
    for (pid_t pid = 0; pids >> pid;) found.insert(pid);
  });
  return found;
}

std::set<std::uint64_t> ids_within(const ControlGroup& group) {
  std::set<std::uint64_t> found;
  walk(group.folder, [&](const std::string& folder) { found.insert(id_of(folder)); });
  return found;
}

}  // namespace troop::agents
