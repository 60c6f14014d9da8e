// A broker that others run, seen from outside Troop: what is in its vhosts before and after a run.
#pragma once

#include <fmt/format.h>

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "agents/rabbitmq/http.hpp"
#include "tests/support/private_broker.hpp"
#include "tests/support/troop_test.hpp"

namespace troop::test {

class SomebodysBroker {
 public:
  static Result<std::unique_ptr<SomebodysBroker>> start(const ServerFiles* tls = nullptr) {
    auto out = std::make_unique<SomebodysBroker>();
    BOOST_OUTCOME_TRY(out->broker_, PrivateBroker::start_with_management(tls));
    if (!eventually([&] { return out->ask("GET", "/whoami").status == 200; }, 60s)) {
      return Error{ErrorKind::lost, "the management API does not answer"};
    }
    return out;
  }
  PrivateBroker& broker() { return *broker_; }
  /// Its password: the canary that must show nowhere.
  [[nodiscard]] const std::string& password() const { return broker_->address().password; }
  /// What troop needs in its environment.
  [[nodiscard]] std::vector<std::string> variables() const {
    return {broker_url("amqp", "localhost", broker_->address().port),
            management_url("http", "127.0.0.1", broker_->management_port())};
  }
  [[nodiscard]] std::string broker_url(std::string_view scheme, std::string_view host, std::uint16_t port) const {
    const auto& address = broker_->address();
    return fmt::format("TROOP_BROKER_URL={}://{}:{}@{}:{}", scheme, address.user, address.password, host, port);
  }
  [[nodiscard]] static std::string management_url(std::string_view scheme, std::string_view host, std::uint16_t port) {
    return fmt::format("TROOP_MANAGEMENT_URL={}://{}:{}/", scheme, host, port);
  }
  [[nodiscard]] agents::HttpAnswer ask(const std::string& method, const std::string& path,
                                       const std::string& body = {}) const {
    const auto& address = broker_->address();
    auto answer = agents::ask_http({.method = method,
                                    .url = fmt::format("http://127.0.0.1:{}/api{}", broker_->management_port(), path),
                                    .user = address.user,
                                    .password = address.password,
                                    .body = body});
    return answer.has_value() ? answer.value() : agents::HttpAnswer{};
  }
  void make_vhost(const std::string& name) {
    made_.push_back(name);
    (void)ask("PUT", "/vhosts/" + name, "{}");
    (void)ask("PUT", "/permissions/" + name + "/" + broker_->address().user,
              R"({"configure":".*","write":".*","read":".*"})");
  }
  void make_queue(const std::string& vhost, const std::string& name) const {
    (void)ask("PUT", "/queues/" + vhost + "/" + name, R"({"durable":true})");
  }
  void delete_made_vhosts() {
    for (const auto& name : made_) (void)ask("DELETE", "/vhosts/" + name);
    made_.clear();
  }
  [[nodiscard]] Result<std::string> state() const { return broker_->state(); }
  /// Everything that was made by somebody: vhosts, queues, exchanges, bindings, policies; without what is counted.
  [[nodiscard]] std::string picture() const {
    return ask("GET", "/vhosts?columns=name").body + ask("GET", "/queues?columns=vhost,name,arguments").body +
           ask("GET", "/exchanges?columns=vhost,name,type").body +
           ask("GET", "/bindings?columns=vhost,source,destination,routing_key").body + ask("GET", "/policies").body;
  }

 private:
  std::unique_ptr<PrivateBroker> broker_;
  std::vector<std::string> made_;
};

/// Runs of the real `troop` on it.
class AttachedRunTest : public TroopTest<testing::Test> {
 protected:
  static constexpr Duration run_max = 150s;

  /// A scenario that ends with `more`, which is in [system.broker.attach] at first.
  std::vector<std::string> arguments(const std::string& more, const std::vector<std::string>& options = {}) {
    const fs::path file = world_.root() / "attached.toml";
    const bool breaks_something = more.find("[[step]]") != std::string::npos;
    std::ofstream{file} << attached_begin << more << (breaks_something ? attached_recovery : "");
    std::vector<std::string> all{"run", file.string(), "--out", world_.run_directory().string(), "--seed", "7"};
    all.insert(all.end(), options.begin(), options.end());
    return all;
  }
  /// Neither in what was said nor in any file of the run.
  void expect_no_password(const TroopCommand& troop) {
    EXPECT_THAT(everything(troop), testing::Not(testing::HasSubstr(owner_->password())));
    for (const auto& entry : fs::recursive_directory_iterator{world_.root()}) {
      if (!entry.is_regular_file()) continue;
      EXPECT_THAT(slurp(entry.path()), testing::Not(testing::HasSubstr(owner_->password()))) << entry.path();
    }
  }
  /// While it runs.
  void expect_no_password_in_command_lines() {
    for (const pid_t pid : world_.processes()) {
      const std::string command_line = slurp("/proc/" + std::to_string(pid) + "/cmdline");
      EXPECT_THAT(command_line, testing::Not(testing::HasSubstr(owner_->password())));
    }
  }

  SomebodysBroker* owner_ = nullptr;

 private:
  static constexpr std::string_view attached_begin = R"(
name = "attached"
duration = "6s"
[workload]
producers = 2
consumers = 2
rate = 500
[workload.publish]
retry = { attempts = 100, initial = "100ms", max = "1s", timeout = "5s" }
[[steady_state]]
probe = "amqp.publish"
tolerance = { success = ">= 0.99" }
[[invariant]]
kind = "accounting"
[system.broker.attach]
url_from = "env:TROOP_BROKER_URL"
management_from = "env:TROOP_MANAGEMENT_URL"
)";
  static constexpr std::string_view attached_recovery = R"(
[[invariant]]
kind = "recovery"
within = "20s"
)";
};

}  // namespace troop::test
