// Programs that are started again when they end, and units that the stand-in for systemd really starts, stops and
// kills.
#pragma once

#include <chrono>
#include <csignal>
#include <filesystem>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "common/ids.hpp"
#include "tests/support/bystander.hpp"
#include "tests/support/fake_systemd.hpp"

namespace troop::test {

/// What `systemctl` was told is done by a thread of ours, as by systemd: also where whoever told it has died since.
class KeptServices {
 public:
  explicit KeptServices(std::filesystem::path folder) : folder_(std::move(folder)) { systemd_.let_others_act(); }

  /// The name of a new program.
  std::string keep_program() {
    auto& kept = kept_.emplace_back();
    start(kept);
    return kept.program;
  }
  /// The name of a new unit.
  std::string keep_unit() {
    auto& kept = kept_.emplace_back();
    kept.unit = "shop-" + random_hex(4) + ".service";
    start(kept);
    return kept.unit;
  }
  /// Once all of them are there.
  void begin() {
    thread_ = std::jthread{[this](const std::stop_token& end) {
      while (!end.stop_requested()) {
        for (auto& each : kept_) look_after(each);
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
      }
    }};
  }
  [[nodiscard]] std::string systemctl() const { return systemd_.program().string(); }

 private:
  struct Kept {
    std::string program = fresh_program_name();
    std::string unit;  ///< Empty: it has none, and is started again whenever it ends.
    std::string invocation, done;
    std::unique_ptr<Bystander> process;
  };

  void start(Kept& kept) const {
    kept.process = std::make_unique<Bystander>(folder_, kept.program, "3600");
    if (kept.unit.empty()) return;
    kept.invocation = random_hex(16);
    tell(kept, FakeSystemd::running(kept.process->pid()));
  }
  void tell(const Kept& kept, const FakeSystemd::Properties& state) const {
    systemd_.set(FakeSystemd::with(state, {{"Id", kept.unit}, {"Names", kept.unit}, {"InvocationID", kept.invocation}}),
                 kept.unit);
  }
  void look_after(Kept& kept) const {
    if (kept.unit.empty()) {
      if (!kept.process->alive()) start(kept);
      return;
    }
    const std::string job = systemd_.job(kept.unit);
    if (job.empty() || job == kept.done) return;
    const std::string_view verb = std::string_view{job}.substr(0, job.find(' '));
    if ((verb == "stop" || verb == "kill") && kept.process != nullptr) {
      kept.process.reset();
      tell(kept, FakeSystemd::down(verb == "stop" ? "inactive" : "failed"));
    } else if ((verb == "start" || verb == "restart") && kept.process == nullptr) {
      start(kept);
    }
    kept.done = job;
    systemd_.finish(kept.unit, job);
  }

  std::filesystem::path folder_;
  FakeSystemd systemd_;
  std::list<Kept> kept_;
  std::jthread thread_;  // last: it uses all of the others
};

}  // namespace troop::test
