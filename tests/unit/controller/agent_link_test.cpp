// The link to an agent, without an agent: any program that ends will do.
#include "controller/fleet/agent_link.hpp"

#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <optional>

#include "agents/protocol/spawn.hpp"

namespace troop::controller {
namespace {

namespace asio = boost::asio;

asio::awaitable<void> ask_after_the_end(AgentLink& link, std::optional<Error>& answer) {
  (void)co_await link.finish(std::chrono::seconds{10});
  auto reply = co_await link.request("renew", boost::json::object{}, std::chrono::seconds{60});
  if (reply.has_error()) answer = reply.error();
}

TEST(AgentLink, DoesNotWaitForAnAgentThatWasToldToEnd) {
  asio::io_context io{1};
  auto link = AgentLink::start(io, "/bin/true", "/dev/null", AgentLink::Listener());
  ASSERT_TRUE(link.has_value()) << link.error().context;
  std::optional<Error> answer;
  protocol::spawn(io, ask_after_the_end(*link.value(), answer));
  io.run_for(std::chrono::seconds{20});
  ASSERT_TRUE(answer) << "it still waits";
  EXPECT_EQ(answer->kind, ErrorKind::lost) << answer->context;
}

}  // namespace
}  // namespace troop::controller
