// What an experiment of the storm could have changed.
#include <fmt/format.h>

#include <cstdlib>
#include <set>

#include "agents/host/nftables.hpp"
#include "agents/host/process.hpp"
#include "common/clock.hpp"
#include "tests/support/control_groups.hpp"
#include "tests/support/qdiscs.hpp"
#include "tests/support/storm_ground.hpp"
#include "tests/support/troop_run.hpp"

namespace troop::test {
namespace {

constexpr Duration clock_error_max = 500ms;

std::int64_t clock_offset() {
  return std::chrono::nanoseconds{std::chrono::system_clock::now().time_since_epoch()}.count() - monotonic_ns();
}

/// A line each, sorted; they may vanish while we look: then the picture is another one.
std::string everything_below(const fs::path& folder, bool folders_only) {
  std::set<std::string> found;
  std::error_code gone;
  for (fs::recursive_directory_iterator entry{folder, gone}, end; !gone && entry != end; entry.increment(gone)) {
    std::error_code none;
    const bool wanted = folders_only ? entry->is_directory(none) : entry->path().extension() != ".log";
    if (wanted) found.insert(entry->path().string());
  }
  std::string text;
  for (const auto& each : found) text += each + "\n";
  return gone ? text + gone.message() + "\n" : text;
}

/// Its name, whether it is stopped, its limits, its control group and the namespaces that it lives in.
std::string told_of_process(pid_t pid) {
  const fs::path folder = fmt::format("/proc/{}", pid);
  std::string text = slurp(folder / "comm");
  text += agents::process_state(pid) == 'T' ? "stopped\n" : "runs\n";
  for (const char* file : {"limits", "cgroup", "oom_score_adj"}) text += slurp(folder / file);
  for (const char* kind : {"net", "mnt", "uts", "ipc", "time"}) {
    std::error_code gone;
    text += fs::read_symlink(folder / "ns" / kind, gone).string() + "\n";
  }
  return text;
}

}  // namespace

HostPicture::HostPicture(const StormPlace& place)
    : folder_(place.root),
      groups_(place.group.empty() ? "" : unified_hierarchy() + place.group),
      clock_(clock_offset()) {}

std::string HostPicture::bounded() const {
  auto nft = agents::Nftables::open();
  auto rules = nft.has_value() ? nft.value().list("list ruleset") : Result<std::string>{nft.error()};
  std::string out = "rules:\n" + (rules.has_value() ? rules.value() : rules.error().context);
  out += "queues:\n" + slurp("/proc/thread-self/net/netfilter/nfnetlink_queue");
  out += "interfaces:\n";
  std::istringstream interfaces{slurp("/proc/thread-self/net/dev")};
  for (std::string line; std::getline(interfaces, line);) out += line.substr(0, line.find(':')) + "\n";
  out += "processes:\n";
  std::multiset<std::string> processes;
  for (const auto pid : agents::children()) {
    if (agents::process_state(pid) != 'Z') processes.insert(told_of_process(pid));
  }
  for (const auto& each : processes) out += each;
  const bool same_clock = std::llabs(clock_offset() - clock_) < clock_error_max.count();
  return out + (same_clock ? "" : "the clock was set\n");
}

std::string HostPicture::text() const {
  std::string out = bounded() + "qdiscs:\n" + qdiscs();
  if (!groups_.empty()) out += "control groups:\n" + everything_below(groups_, true);
  return out + "files:\n" + everything_below(folder_, false);
}

}  // namespace troop::test
