#include "agents/daemon/worker_part.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>

#include "agents/host/workspace.hpp"

namespace troop::agents {
namespace fs = std::filesystem;
namespace {

constexpr Duration worker_start_max = std::chrono::seconds{15};
constexpr Duration worker_grace = std::chrono::seconds{1};
constexpr Duration clock_answer_max = std::chrono::seconds{5};  // it may wait for room for its evidence
constexpr std::int64_t shared_memory_mib = 16;

std::string own_path() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored).string();
}

}  // namespace

Result<void> JournaledProcess::started(const std::string& part, const Process& process) {
  BOOST_OUTCOME_TRY(ended());  // the one before, under the same name
  BOOST_OUTCOME_TRY(record_, journal_.append(process_record(part, process.identity())));
  return success();
}

Result<void> JournaledProcess::ended() {
  if (!record_) return success();
  const std::int64_t number = *record_;
  record_.reset();
  return journal_.settle(number);
}

void aim(WorkerConfig& config, const AmqpAddress& broker, std::uint64_t seed) {
  config.host = broker.host;
  config.port = broker.port;
  config.user = broker.user;
  config.password = broker.password;
  config.vhost = broker.vhost;
  config.tls = broker.tls;
  config.seed = seed;
}

WorkerPart::WorkerPart(WorkerConfig config, Ring ring, fs::path log, UndoJournal& journal)
    : name_(worker_name(config)),
      config_(std::move(config)),
      ring_(std::move(ring)),
      log_(std::move(log)),
      record_(journal),
      journal_(journal) {}

std::string_view WorkerPart::kind() const {
  if (config_.role == WorkerConfig::Role::reader) return "reader";
  return is_producer() ? "producer" : "consumer";
}

void WorkerPart::connect_to(const AmqpAddress& broker, std::vector<std::string> next_hosts, std::uint64_t seed) {
  aim(config_, broker, seed);
  config_.next_hosts = std::move(next_hosts);
}

Result<ControlGroup> WorkerPart::own_group() {
  if (group_) return *group_;
  if (is_elsewhere()) return usage_error(name_ + " is on another host than the broker, and so in another network");
  if (started_before_) return usage_error(name_ + " was started before it was to have a control group of its own");
  BOOST_OUTCOME_TRY(group_, plan_control_group(name_));
  return *group_;
}

Result<void> WorkerPart::let_clock_be_set() {
  if (!checks_certificates) {
    return usage_error(
        name_ +
        " shows nobody its clock: it connects without TLS, its messages carry no time, and their "
        "times to live are lengths; only over TLS (amqps://) does it look at its clock, for certificates");
  }
  if (fake_clock_) return success();
  if (started_before_) return usage_error(name_ + " was started before its clock was to be set");
  BOOST_OUTCOME_TRY(fake_clock_, FakeClock::make());
  return success();
}

Result<void> WorkerPart::set_clock(Duration offset) {
  BOOST_OUTCOME_TRY(let_clock_be_set());
  return fake_clock_->set(offset);
}

asio::awaitable<Result<ClockOffset>> WorkerPart::clock() {
  const auto wall = [] { return std::chrono::system_clock::now().time_since_epoch(); };
  const Duration before = wall();
  const std::uint64_t question = ring_.ask_clock();
  const std::int64_t deadline = monotonic_ns() + clock_answer_max.count();
  while (true) {
    const auto its = ring_.told_clock(question);
    if (its) co_return ClockOffset{*its - wall(), *its - before};
    if (!process_.alive()) co_return Error{ErrorKind::lost, name_ + " is gone: " + process_.ending()};
    if (monotonic_ns() > deadline) co_return Error{ErrorKind::timeout, name_ + " does not tell its time"};
    co_await pause_for(std::chrono::milliseconds{5});
  }
}

Result<void> WorkerPart::start() {
  UniqueFd group;
  if (group_) {
    if (!group_record_) {
      BOOST_OUTCOME_TRY(group_record_, journal_.append(control_group_record(group_->folder)));
      BOOST_OUTCOME_TRY(make_control_group(*group_));
    }
    BOOST_OUTCOME_TRY(group, way_into(*group_));
  }
  if (started_before_) ring_.prepare_restart();
  started_before_ = true;
  config_.start_ns = monotonic_ns();
  BOOST_OUTCOME_TRY(auto secret, sealed_memory(to_json(config_)));
  std::vector<int> inherited{secret.get(), ring_.fd()};
  if (config_.effects_fd >= 0) inherited.push_back(config_.effects_fd);
  std::vector<std::string> environment{"PATH=/usr/bin:/bin", "LANG=C.UTF-8"};
  if (fake_clock_) {
    if (mounts_.mounts() < 0) {
      BOOST_OUTCOME_TRY(mounts_, PrivateMounts::make({{fake_clock_folder, shared_memory_mib}}));
    }
    inherited.push_back(fake_clock_->fd());
    std::ranges::move(fake_clock_->environment(), std::back_inserter(environment));
  }
  const Spawn what{
      {own_path(), "worker", "--config-fd", std::to_string(secret.get()), "--ring-fd", std::to_string(ring_.fd())},
      std::move(environment),
      log_.string(),
      std::move(inherited),
      {},
      netns_,
      mounts_.mounts(),
      group.get()};
  BOOST_OUTCOME_TRY(process_, Process::spawn(what));
  BOOST_OUTCOME_TRY(record_.started(name_, process_));
  return success();
}

asio::awaitable<Result<Proof>> WorkerPart::ready() {
  const std::int64_t deadline = monotonic_ns() + worker_start_max.count();
  while (ring_.state() != WorkerState::connected && process_.alive() && monotonic_ns() < deadline) {
    co_await pause_for(std::chrono::milliseconds{5});
  }
  if (!process_.alive()) co_return Error{ErrorKind::unrestored, name_ + " ended: " + process_.ending()};
  const bool connected = ring_.state() == WorkerState::connected;
  if (!connected && ring_.state() != WorkerState::disconnected) {
    co_return Error{ErrorKind::unrestored, name_ + " does not start"};
  }
  meant_to_run = true;
  co_return Proof{monotonic_ns(),
                  fmt::format("pid {} {}", process_.pid(), connected ? "is connected" : "runs, not connected")};
}

asio::awaitable<Result<void>> WorkerPart::end() {
  ring_.command(WorkerCommand::abort);
  BOOST_OUTCOME_CO_TRY(co_await process_.end(worker_grace));
  BOOST_OUTCOME_CO_TRY(record_.ended());
  if (!group_record_) co_return success();
  BOOST_OUTCOME_CO_TRY(remove_control_group(group_->folder));
  const std::int64_t settled = *group_record_;
  group_record_.reset();
  co_return journal_.settle(settled);
}

}  // namespace troop::agents
