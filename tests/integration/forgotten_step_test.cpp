// A controller that renews its lease and forgets a fault: the agent ends it by itself, a lease after its time.
#include <gtest/gtest.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "agents/protocol/messages.hpp"
#include "agents/protocol/spawn.hpp"
#include "controller/fleet/agent_link.hpp"
#include "tests/support/bystander.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troop::test {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;
using controller::AgentLink;

constexpr Duration answer_max = 10s, patience = 30s;

class ForgottenStepTest : public testing::Test {
 protected:
  void SetUp() override {
    setenv("TROOP_STATE_DIR", (folder_ / "state").c_str(), 1);
    setenv("TMPDIR", folder_.operator/("").c_str(), 1);
  }
  void TearDown() override {
    unsetenv("TROOP_STATE_DIR");
    unsetenv("TMPDIR");
  }

  asio::awaitable<void> forget(const Bystander& bystander, const std::string& name) {
    AgentLink::Listener listener;
    listener.event = [&](const json::object& event) { events_.push_back(json::serialize(event)); };
    auto started = AgentLink::start(io_, TROOP_BIN_DIR "/troop-agent", folder_ / "agent.log", std::move(listener));
    if (started.has_error()) co_return;
    AgentLink& link = *started.value();
    (void)co_await link.greet(folder_ / "");
    protocol::StepOrder step;
    step.number = 1;
    step.fault = "process.pause";
    step.victim = "local";
    step.period = 100ms;
    step.parameters = {{"name", name}};
    json::object request{{"environment", ""}, {"hosts", json::array{}}};
    request["steps"] = json::array{protocol::to_json(step)};
    (void)co_await link.request("prepare", std::move(request), answer_max);
    json::object number;
    number["step"] = 1;
    const auto applied = co_await link.request("apply", number, answer_max);
    applied_ = applied.has_value() && bystander.state() == 'T';
    const std::int64_t begun = monotonic_ns();
    while (bystander.state() == 'T' && monotonic_ns() - begun < patience.count()) {
      (void)co_await link.request("renew", json::object{}, answer_max);
      asio::steady_timer timer{io_, 50ms};
      (void)co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    held_ = Duration{monotonic_ns() - begun};
    // Whoever remembers after all finds it ended, and that is no error.
    remembered_ = (co_await link.request("revert", number, answer_max)).has_value();
    exit_code_ = (co_await link.finish(answer_max)).value_or(-1);
  }

  testing_support::TemporaryFolder folder_;
  asio::io_context io_{1};
  std::vector<std::string> events_;
  bool applied_ = false, remembered_ = false;
  Duration held_{};
  int exit_code_ = -1;
};

TEST_F(ForgottenStepTest, IsEndedByItsAgentALeaseAfterItsTime) {
  const std::string name = fresh_program_name();
  const Bystander bystander{folder_ / "", name};
  ASSERT_TRUE(bystander.runs());
  protocol::spawn(io_, forget(bystander, name));
  io_.run_for(60s);
  ASSERT_TRUE(applied_);
  EXPECT_TRUE(bystander.runs());
  EXPECT_GE(held_, protocol::lease) << "its controller has that long to end it";
  EXPECT_TRUE(remembered_);
  EXPECT_EQ(exit_code_, 0);
  const auto ended = [](const std::string& event) {
    return event.find("\"phase\":\"stop\"") != std::string::npos && event.find("\"ok\"") != std::string::npos;
  };
  EXPECT_TRUE(std::ranges::any_of(events_, ended)) << "the history has to know when it ended";
}

}  // namespace
}  // namespace troop::test
