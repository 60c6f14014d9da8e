// The storm's host: peers on loopback that always talk with it, a control group, processes of others', two services.
#include <fmt/format.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <list>
#include <optional>
#include <thread>

#include "scenarios/model/faults/catalogue.hpp"
#include "tests/support/bystander.hpp"
#include "tests/support/chatter.hpp"
#include "tests/support/control_groups.hpp"
#include "tests/support/kept_services.hpp"
#include "tests/support/storm_ground.hpp"
#include "tests/support/troop_run.hpp"

namespace troop::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* here = "127.0.0.1";
constexpr const char* lives_long = "3600";
std::string peer_address(std::size_t number) { return fmt::format("127.0.0.{}", 2 + number); }

/// What a fault cannot do without.
model::Parameters required_parameters(const model::FaultSpec& spec) {
  model::Parameters parameters;
  for (const auto& parameter : spec.parameters) {
    if (parameter.name == "port" && (parameter.required || spec.name == "network.dns"))
      parameters["port"] = std::int64_t{service_port};
    if (!parameter.required) continue;
    if (parameter.name == "percent") parameters["percent"] = 50.0;
    if (parameter.name == "rate_mbit") parameters["rate_mbit"] = 0.01;
    if (parameter.name == "names") parameters["names"] = std::vector<std::string>{"*.test"};
    if (parameter.name == "delay") parameters["delay"] = Duration{50ms};  // also a slow machine sends more meanwhile
  }
  return parameters;
}

/// Those on networks: all of them, each on a peer of its own.
StormSteps network_steps() {
  StormSteps steps;
  const auto add = [&](std::string_view fault, model::Parameters parameters) {
    parameters["peers"] = std::vector{peer_address(steps.size())};
    steps.push_back(storm_step(fault, "local", std::move(parameters)));
  };
  for (const auto& spec : model::faults()) {
    if (!spec.name.starts_with("network.")) continue;
    auto parameters = required_parameters(spec);
    // A link takes no second netem beside one that duplicates.
    if (spec.name == "network.duplicate") parameters["direction"] = std::string{"in"};
    add(spec.name, std::move(parameters));
  }
  add("network.loss", {{"percent", 20.0}, {"burst", 3.0}, {"direction", std::string{"in"}}});
  return steps;
}

/// Those on processes, which are called so, and on resources; of the latter in small.
StormSteps other_steps(const std::string& name) {
  StormSteps steps;
  const auto add = [&](std::string_view fault, model::Parameters parameters) {
    steps.push_back(storm_step(fault, "local", std::move(parameters)));
  };
  const model::Parameters bystanders{{"name", name}, {"percent", 100.0}};
  const std::string memory = "/dev/shm";
  add("process.pause", bystanders);
  add("fd.exhaust", bystanders);
  add("memory.fill", {{"mib", std::int64_t{4}}});
  add("cpu.burn", {{"percent", std::int64_t{5}}});
  add("disk.fill", {{"path", memory}, {"mib", std::int64_t{4}}});
  add("io.burn", {{"path", memory}, {"mib_per_second", std::int64_t{4}}, {"file_mib", std::int64_t{1}}});
  return steps;
}

/// On programs that somebody starts again when they end, and on services of systemd.
constexpr std::array<std::string_view, 2> on_kept_programs{"process.kill", "process.crash_loop"};
constexpr std::array<std::string_view, 2> on_units{"service.stop", "instance.kill"};

/// Where packets leave, netem does these; not every kernel has it.
constexpr std::array<std::string_view, 4> by_netem{"network.latency", "network.duplicate", "network.corrupt",
                                                   "network.reorder"};

/// One of those that the fault has, and every kernel.
void turn_somewhere(protocol::StepOrder& step, Random& random) {
  const auto* spec = model::find_fault(model::faults(), step.fault);
  const auto direction = std::ranges::find(spec->parameters, "direction", &model::Parameter::name);
  if (direction == spec->parameters.end() || step.parameters.contains("direction")) return;
  auto choices = direction->choices;
  if (std::ranges::find(by_netem, spec->name) != by_netem.end()) std::erase(choices, "out");
  step.parameters["direction"] = std::string{choices[random.below(choices.size())]};
}

/// A TCP connection with a service of its own, made again when it breaks.
class LastingConnection {
 public:
  LastingConnection(const std::string& to, const TestGroup* group) : listener_(to, service_port), group_(group) {}
  void mend() {
    char any = 0;
    if (near_ && ::recv(near_.get(), &any, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN) return;
    const auto connect = [this] { return listener_.connection_from(here); };
    near_ = group_ != nullptr ? group_->socket_of(connect) : connect();
    if (near_) far_ = listener_.accept();
  }

 private:
  Listener listener_;
  const TestGroup* group_;
  UniqueFd near_, far_;
};

/// Talks with every peer's service; they say what a resolver would. With some of them only somebody of the group does.
class Talk {
 public:
  Talk(const StormSteps& steps, const TestGroup* group) : grouped_(steps.size()) {
    std::vector<std::size_t> connected;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].fault == "network.reset") connected.push_back(i);
    }
    thread_ = std::jthread{[this, connected, group](const std::stop_token& end) { work(end, connected, group); }};
  }
  void set_on(bool on) { on_ = on; }
  void set_grouped(std::size_t peer, bool grouped) { grouped_[peer] = grouped; }

 private:
  void work(const std::stop_token& end, const std::vector<std::size_t>& connected, const TestGroup* group) {
    const auto make = [] { return Datagrams{here}.release(); };
    const Datagrams anybody{make()}, member{group != nullptr ? group->socket_of(make) : make()};
    std::vector<Datagrams> others;
    for (std::size_t i = 0; i < grouped_.size(); ++i) others.emplace_back(peer_address(i), service_port);
    std::vector<LastingConnection> connections;
    for (const auto i : connected) connections.emplace_back(peer_address(i), group);
    std::string any;
    while (!end.stop_requested()) {
      std::this_thread::sleep_for(2ms);
      if (!on_) continue;
      for (auto& connection : connections) connection.mend();
      for (std::size_t i = 0; i < others.size(); ++i) {
        const auto& own = grouped_[i] ? member : anybody;
        own.send(others[i]);
        others[i].send(own, dns_answer);
        (void)others[i].receive(0, any);
        (void)own.receive(0, any);
      }
    }
  }

  std::vector<std::atomic<bool>> grouped_;
  std::atomic<bool> on_ = false;
  std::jthread thread_;
};

class Host : public StormGround {
 public:
  Host(const StormPlace& place, bool bare) : name_(fresh_program_name()), picture_(place) {
    members_.emplace_back(place.home, name_, lives_long);
    members_.emplace_back(place.home, name_, lives_long);
    members_.emplace_back(place.home, fresh_program_name(), lives_long);
    if (!place.group.empty()) {
      group_.emplace(place.group);
      if (!group_->take(members_.back().pid())) why_not_ = "nobody can be put into a control group of the test's own";
    }
    network_ = network_steps();
    others_ = other_steps(name_);
    if (!bare) add_services(place.home);
    talk_.emplace(network_, group_ ? &*group_ : nullptr);
  }
  ~Host() override {
    talk_.reset();
    members_.clear();
    services_.reset();
  }

  [[nodiscard]] std::string why_not() const override { return why_not_; }
  StormSteps steps(Random* random, std::string_view always) override {
    StormSteps all = network_;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const bool varied = random != nullptr && all[i].fault != always;
      const bool grouped = group_ && varied && random->below(2) == 0;
      talk_->set_grouped(i, grouped);
      if (grouped) all[i].parameters["cgroup"] = group_->path();
      if (varied) turn_somewhere(all[i], *random);
    }
    all.insert(all.end(), others_.begin(), others_.end());
    return random == nullptr ? all : drawn(all, all.size() / 2, *random, always);
  }
  [[nodiscard]] std::string picture() const override { return picture_.text(); }
  [[nodiscard]] std::string bounded_picture() const override { return picture_.bounded(); }
  void talk(bool on) override { talk_->set_on(on); }

 private:
  void add_services(const fs::path& home) {
    services_.emplace(home);
    for (const auto& fault : on_kept_programs) {
      others_.push_back(storm_step(fault, "local", {{"name", services_->keep_program()}}));
    }
    for (const auto& fault : on_units) {
      others_.push_back(storm_step(fault, "local", {{"unit", services_->keep_unit()}}));
    }
    setenv("TROOP_SYSTEMCTL", services_->systemctl().c_str(), 1);
    services_->begin();
  }

  std::string name_, why_not_;
  HostPicture picture_;
  std::optional<TestGroup> group_;
  std::list<Bystander> members_;
  std::optional<KeptServices> services_;
  StormSteps network_, others_;
  std::optional<Talk> talk_;
};

}  // namespace

std::unique_ptr<StormGround> storm_host(const StormPlace& place, bool bare) {
  return std::make_unique<Host>(place, bare);
}

std::set<std::string, std::less<>> stormy_faults() {
  std::set<std::string, std::less<>> found;
  for (const auto& steps : {network_steps(), other_steps(""), storm_broker_steps()}) {
    for (const auto& step : steps) found.insert(step.fault);
  }
  found.insert(on_kept_programs.begin(), on_kept_programs.end());
  found.insert(on_units.begin(), on_units.end());
  return found;
}

const std::map<std::string, std::string, std::less<>>& calm_faults() {
  static const std::map<std::string, std::string, std::less<>> all{
      {"zone.down", "the plan makes other faults of it, and no agent knows it"}};
  return all;
}

}  // namespace troop::test
