#include "agents/faults/burden_faults.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>

#include "agents/faults/control_faults.hpp"
#include "agents/faults/held.hpp"

namespace troop::agents {
namespace {

constexpr Duration effect_max = std::chrono::seconds{8};  // shorter than the lease
constexpr Duration look_interval = std::chrono::milliseconds{10};

/// Of the folder, or of the nearest one above it that is there.
dev_t file_system_of(std::filesystem::path folder) {
  struct stat status {};
  while (stat(folder.c_str(), &status) != 0 && folder.has_relative_path()) folder = folder.parent_path();
  return status.st_dev;
}

}  // namespace

Result<void> HeldBurdens::renew() {
  for (const auto& each : burdens) {
    BOOST_OUTCOME_TRY(each.renew());
    if (each.was_limited()) return Error{ErrorKind::lost, "it was given back, since others needed what must stay free"};
  }
  return success();
}

std::uint64_t HeldBurdens::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& each : burdens) sum += each.bytes();
  return sum;
}

Result<UndoRecord> burden_record(Parts& parts, const protocol::StepOrder& order) {
  if (parts.find(order.victim) != nullptr || order.victim.empty())
    return usage_error(fmt::format("{}: '{}' is no host", order.fault, order.victim));
  return UndoRecord{"fault", {{"fault", order.fault}, {"victim", order.victim}}};
}

Result<UniqueFd> folder_to_burden(const protocol::StepOrder& order) {
  const std::string path = text_parameter(order, "path", "");
  const std::string where = fmt::format("{}: '{}'", order.fault, path);
  UniqueFd folder{open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  struct stat status {};
  if (!path.starts_with('/') || !folder || fstat(folder.get(), &status) != 0)
    return system_error(ErrorKind::usage, where, path.starts_with('/') ? errno : EINVAL);
  if (status.st_dev == file_system_of(state_folder()))
    return usage_error(where + " is on the file system of the agent's undo journal, which must stay writable");
  const UniqueFd nameless{openat(folder.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  if (!nameless) return system_error(ErrorKind::usage, where + ": no file without a name can be made there", errno);
  return folder;
}

Result<Amount> amount_of(const protocol::StepOrder& order, std::uint64_t available) {
  Amount amount;
  amount.wanted = static_cast<std::uint64_t>(integer_parameter(order, "mib", 0)) * bytes_per_mib;
  amount.floor = static_cast<std::uint64_t>(integer_parameter(order, "keep_free_mib", 0)) * bytes_per_mib;
  if (const auto share = order.parameters.find("percent"); share != order.parameters.end()) {
    const auto* percent = std::get_if<double>(&share->second);
    if (percent == nullptr || *percent <= 0 || *percent > 100) return usage_error(order.fault + ": 'percent' is none");
    amount.wanted = static_cast<std::uint64_t>(std::floor(static_cast<double>(available) * *percent / 100));
  }
  if (amount.wanted == 0) return usage_error(order.fault + ": neither 'mib' nor 'percent' says how much");
  if (amount.wanted > available || available - amount.wanted < amount.floor) {
    return usage_error(fmt::format("{}: {} MiB are free: too few to take {} MiB and keep {} MiB", order.fault,
                                   available / bytes_per_mib, amount.wanted / bytes_per_mib,
                                   amount.floor / bytes_per_mib));
  }
  return amount;
}

asio::awaitable<Result<Proof>> burden(Parts& parts, const protocol::StepOrder& order, BurdenPlan plan, int how_many,
                                      UniqueFd folder, Measure enough) {
  auto starting = std::make_unique<HeldBurdens>();
  starting->folder = std::move(folder);
  plan.folder = starting->folder ? starting->folder.get() : -1;
  plan.lease = protocol::lease;
  for (int i = 0; i < how_many; ++i) {
    auto started = Burden::start(plan);
    if (started.has_error()) co_return std::move(started).error().within(order.fault);
    starting->burdens.push_back(std::move(started).value());
  }
  parts.holdings()[order.number] = std::move(starting);
  const std::int64_t deadline = monotonic_ns() + effect_max.count();
  while (true) {
    const auto* held = held_by<HeldBurdens>(parts, order);
    if (held == nullptr) co_return undone_meanwhile(order);
    for (const auto& each : held->burdens) {
      if (each.failure() != 0) co_return not_proven(order, std::generic_category().message(each.failure()));
      if (each.was_limited()) co_return not_proven(order, "what must stay free would not have: others use more now");
    }
    if (auto measured = enough(*held)) co_return Proof{monotonic_ns(), std::move(*measured)};
    if (monotonic_ns() > deadline)
      co_return not_proven(order, "too little was used up in " + model::to_text(effect_max));
    co_await pause_for(look_interval);
  }
}

asio::awaitable<Result<Proof>> unburden(Parts& parts, const protocol::StepOrder& order, Seen) {
  auto* held = held_by<HeldBurdens>(parts, order);
  if (held == nullptr) co_return Proof{monotonic_ns(), "nothing is held"};
  Duration cpu{0};
  const std::uint64_t bytes = held->bytes();
  bool limited = false;
  for (auto& each : held->burdens) {
    limited = limited || each.was_limited();
    each.end();
    cpu += each.cpu_time();
  }
  const std::size_t children = held->burdens.size();
  parts.holdings().erase(order.number);
  const std::int64_t now = monotonic_ns();
  std::string text =
      fmt::format("{} gone, which used {} ms of CPU time", children == 1 ? "the child is" : "the children are",
                  cpu / std::chrono::milliseconds{1});
  if (bytes > 0) text += fmt::format(" and {} MiB", bytes / bytes_per_mib);
  if (limited) text += "; some was given back before, because others needed it";
  co_return Proof{now, std::move(text)};
}

}  // namespace troop::agents
