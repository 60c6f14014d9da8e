// A broker that others run, with what is in its vhosts, as seen from outside Troop.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "agents/rabbitmq/http.hpp"
#include "tests/support/private_broker.hpp"
#include "tests/support/troop_run.hpp"

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

}  // namespace troop::test
