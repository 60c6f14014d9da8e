#include "agents/limits.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <cerrno>

#include "agents/paused.hpp"

namespace troop::agents {
namespace json = boost::json;
namespace {

std::uint64_t number(const json::object& fields, std::string_view name) {
  const json::value* field = fields.if_contains(name);
  return field != nullptr && field->is_int64() && field->get_int64() > 0
             ? static_cast<std::uint64_t>(field->get_int64())
             : 0;
}

}  // namespace

Result<DescriptorLimit> descriptor_limit(pid_t pid) {
  rlimit now{};
  if (prlimit(pid, RLIMIT_NOFILE, nullptr, &now) != 0)
    return system_error(ErrorKind::lost, fmt::format("limits of pid {}", pid), errno);
  return DescriptorLimit{now.rlim_cur, now.rlim_max};
}

Result<void> limit_descriptors(pid_t pid, const DescriptorLimit& limit) {
  const rlimit wanted{limit.soft, limit.hard};
  if (prlimit(pid, RLIMIT_NOFILE, &wanted, nullptr) != 0)
    return system_error(ErrorKind::lost, fmt::format("limits of pid {}", pid), errno);
  return success();
}

Result<std::string> restore_limits(const json::object& state) {
  const auto processes = processes_from(state);
  const json::value* limits = state.if_contains("limits");
  if (limits == nullptr || !limits->is_array() || limits->get_array().size() != processes.size())
    return std::string{"no limit was lowered"};
  std::string told, failed;
  for (std::size_t i = 0; i < processes.size(); ++i) {
    const json::value& entry = limits->get_array()[i];
    const pid_t pid = processes[i].pid;
    if (!told.empty()) told += ", ";
    if (!lives(processes[i]) || !entry.is_object()) {
      told += fmt::format("pid {} has ended meanwhile", pid);
      continue;
    }
    const DescriptorLimit before{number(entry.get_object(), "soft"), number(entry.get_object(), "hard")};
    if (before.soft == 0) continue;
    auto restored = limit_descriptors(pid, before);
    const auto now = descriptor_limit(pid);
    if (!lives(processes[i])) {
      told += fmt::format("pid {} has ended meanwhile", pid);
    } else if (restored.has_error() || now.has_error() || now.value().soft != before.soft) {
      failed += fmt::format("{}pid {} may still have too few descriptors", failed.empty() ? "" : ", ", pid);
    } else {
      told += fmt::format("pid {} may have {} descriptors again", pid, before.soft);
    }
  }
  if (!failed.empty()) return Error{ErrorKind::unrestored, failed};
  return told;
}

}  // namespace troop::agents
