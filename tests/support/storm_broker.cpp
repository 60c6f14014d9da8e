// The storm's brokers: one that others run, and such that each agent starts for itself.
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>

#include "scenarios/model/scenario.hpp"
#include "tests/support/somebodys_broker.hpp"
#include "tests/support/storm_ground.hpp"

namespace troop::test {
namespace {

using namespace std::chrono_literals;

/// Producers that are soon back, and publish enough for every fault to meet something.
model::Workload workload(std::int64_t consumers) {
  model::Workload workload;
  workload.consumers = consumers;
  workload.exchange.name = "troop.shop";
  workload.publish.mandatory = false;
  workload.publish.retry.attempts = 1000;
  workload.publish.retry.initial = 20ms;
  workload.publish.retry.max = 200ms;
  return workload;
}

boost::json::object setup_of(const model::Broker& broker, const model::Workload& workload) {
  boost::json::object setup;
  setup["broker"] = protocol::to_json(broker);
  setup["workload"] = protocol::to_json(workload);
  return setup;
}

/// Somebody's: what is defined in it before an agent comes is there afterwards.
class Attached : public StormGround {
 public:
  explicit Attached(const StormPlace& place) : picture_(place) {
    auto started = SomebodysBroker::start();
    if (started.has_error()) {
      why_not_ = started.error().context;
      return;
    }
    broker_ = std::move(started).value();
    become_somebodys();
    const fs::path policy = place.home / "policy.json", pid_file = place.home / "pid";
    std::ofstream{pid_file} << pid();
    std::ofstream{policy} << R"({"commands": {"mq": {"start": ["/bin/true"]}}})";  // never needed: it runs
    fs::permissions(policy, fs::perms::owner_read | fs::perms::owner_write);
    setenv("TROOP_POLICY", policy.c_str(), 1);
    for (const auto& variable : broker_->variables()) {
      const auto equals = variable.find('=');
      setenv(variable.substr(0, equals).c_str(), variable.substr(equals + 1).c_str(), 1);
    }
    model::BrokerAttachment attach;
    attach.url_from = "env:TROOP_BROKER_URL";
    attach.management_from = "env:TROOP_MANAGEMENT_URL";
    attach.vhost = shared;
    attach.shared_vhost = true;
    attach.control = {.systemd = "", .docker = "", .pid_file = pid_file.string(), .command = "mq"};
    for (const auto& step : all()) attach.allow.push_back(step.fault);
    wanted_.managed = false;
    wanted_.attach = attach;
  }

  [[nodiscard]] std::string why_not() const override { return why_not_; }
  StormSteps steps(Random* random, std::string_view always) override {
    return random == nullptr ? all() : drawn(all(), 3, *random, always);
  }
  [[nodiscard]] boost::json::object setup() const override { return setup_of(wanted_, workload(0)); }
  [[nodiscard]] std::string picture() const override {
    const std::string host = picture_.text();
    // One that is paused would be asked in vain.
    return agents::process_state(pid()) == 'T' ? host : host + broker_->picture();
  }

  static StormSteps all() {
    const auto on_broker = [](std::string_view fault, model::Parameters parameters = {}) {
      return storm_step(fault, "broker", std::move(parameters));
    };
    return {on_broker("broker.policy", {{"definition", std::string{R"({"message-ttl": 600000})"}}}),
            on_broker("broker.queue_full"),
            on_broker("broker.purge"),
            on_broker("broker.delete_queue"),
            on_broker("broker.delete_exchange"),
            on_broker("broker.delete_binding"),
            on_broker("broker.pause")};
  }

 private:
  static constexpr const char* shared = "shared";

  /// Others have a queue there, and a policy of the very name that a fault sets.
  void become_somebodys() {
    broker_->make_vhost(shared);
    broker_->make_queue(shared, "orders");
    (void)broker_->ask("PUT", fmt::format("/policies/{}/troop.policy", shared),
                       R"({"pattern": "^orders$", "apply-to": "queues", "definition": {"max-length": 1000}})");
    const std::string seen = broker_->picture();
    if (seen.find("orders") == std::string::npos || seen.find("troop.policy") == std::string::npos)
      why_not_ = "the broker does not take what its owners make: " + seen;
  }
  [[nodiscard]] pid_t pid() const { return broker_->broker().managed().process().pid(); }

  HostPicture picture_;
  std::string why_not_;
  std::unique_ptr<SomebodysBroker> broker_;
  model::Broker wanted_;
};

/// Ends with its agent, and its workers too, with their control groups.
class Managed : public StormGround {
 public:
  explicit Managed(const StormPlace& place) : picture_(place) {}
  StormSteps steps(Random* random, std::string_view always) override {
    if (random == nullptr) return all();
    auto some = drawn(all(), 3, *random, always);
    // What closes connections finds them before anything else takes them away.
    std::ranges::stable_partition(some, [](const auto& step) { return step.fault.starts_with("broker.close_"); });
    return some;
  }
  [[nodiscard]] boost::json::object setup() const override { return setup_of({}, workload(1)); }
  [[nodiscard]] std::string picture() const override { return picture_.text(); }

  static StormSteps all() {
    StormSteps steps;
    for (const char* fault : {"broker.stop", "broker.kill", "broker.pause", "broker.restart", "broker.stop_app",
                              "broker.suspend_listeners", "broker.close_connections", "broker.close_channel",
                              "broker.memory_alarm", "broker.disk_alarm", "broker.queue_full", "broker.delete_queue"}) {
      steps.push_back(storm_step(fault, "broker", {}));
    }
    steps.push_back(storm_step("clock.skew", "broker", {{"offset", Duration{1h}}}));
    for (const char* fault : {"process.kill", "process.pause"}) steps.push_back(storm_step(fault, "consumer-1", {}));
    for (const char* fault : {"network.partition", "network.reject"}) {
      steps.push_back(storm_step(fault, "producer-1", {}));
    }
    steps.push_back(storm_step("network.latency", "producer-1", {{"delay", Duration{20ms}}}));
    steps.push_back(storm_step("network.loss", "producer-1", {{"percent", 50.0}}));
    return steps;
  }

 private:
  HostPicture picture_;
};

}  // namespace

std::unique_ptr<StormGround> storm_broker(const StormPlace& place, bool attached) {
  if (attached) return std::make_unique<Attached>(place);
  return std::make_unique<Managed>(place);
}

StormSteps storm_broker_steps() {
  auto steps = Attached::all();
  for (auto& step : Managed::all()) steps.push_back(std::move(step));
  return steps;
}

}  // namespace troop::test
