// Ways to stop and start a broker that others run: against files, processes and an engine of the test's own.
#include "agents/rabbitmq/server_control.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "common/unique_fd.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/fake_systemd.hpp"
#include "tests/support/temporary_folder.hpp"

namespace troop::agents {
namespace {

namespace fs = std::filesystem;
using Action = ServerControl::Action;
using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::run;

/// Answers one request per status, on a Unix socket, and keeps the request lines.
class FakeEngine {
 public:
  FakeEngine(const fs::path& path, std::vector<int> statuses) : listener_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener_.get(), 4), 0);
    thread_ = std::jthread{[this, all = std::move(statuses)] {
      for (const int status : all) answer(status);
    }};
  }
  std::vector<std::string> requests() {
    if (thread_.joinable()) thread_.join();
    return requests_;
  }

 private:
  void answer(int status) {
    const UniqueFd client{accept(listener_.get(), nullptr, nullptr)};
    std::string text(4096, '\0');
    const ssize_t got = read(client.get(), text.data(), text.size());
    requests_.push_back(text.substr(0, got > 0 ? text.find("\r\n") : 0));
    const bool has_body = status != 204 && status != 304;
    const std::string reply = "HTTP/1.1 " + std::to_string(status) + " X\r\nConnection: close\r\n" +
                              (has_body ? "Content-Length: 2\r\n\r\n{}" : "\r\n");
    EXPECT_EQ(write(client.get(), reply.data(), reply.size()), static_cast<ssize_t>(reply.size()));
  }
  UniqueFd listener_;
  std::vector<std::string> requests_;
  std::jthread thread_;
};

class ServerControlTest : public testing::Test {
 protected:
  void TearDown() override {
    for (const char* name : {"TROOP_DOCKER_SOCKET", "TROOP_SYSTEMCTL", "TROOP_POLICY", "TROOP_TEST_URL"})
      unsetenv(name);
  }
  fs::path write(const char* name, const std::string& text, fs::perms mode = fs::perms::owner_read) {
    fs::path path = folder_ / name;
    std::ofstream{path} << text;
    fs::permissions(path, mode);
    return path;
  }
  testing_support::TemporaryFolder folder_;
};

TEST_F(ServerControlTest, AsksTheDockerEngine) {
  const fs::path socket = folder_ / "docker.sock";
  setenv("TROOP_DOCKER_SOCKET", socket.c_str(), 1);
  FakeEngine engine{socket, {200, 204, 204, 304, 204, 204, 404}};
  const auto control = server_control({.systemd = {}, .docker = "m/q", .pid_file = {}, .command = {}});
  ASSERT_NE(control, nullptr);
  EXPECT_TRUE(run(control->check(Action::stop)));
  for (const Action action : {Action::stop, Action::kill, Action::start, Action::pause, Action::resume}) {
    const auto done = run(control->act(action));
    EXPECT_TRUE(done) << done.error().context;
  }
  const auto refused = run(control->act(Action::kill));
  ASSERT_TRUE(refused.has_error());
  EXPECT_THAT(refused.error().context, HasSubstr("does not kill container m/q: status 404"));
  EXPECT_THAT(
      engine.requests(),
      ElementsAre("GET /containers/m%2Fq/json HTTP/1.1", "POST /containers/m%2Fq/stop?t=20 HTTP/1.1",
                  "POST /containers/m%2Fq/kill?signal=SIGKILL HTTP/1.1", "POST /containers/m%2Fq/start HTTP/1.1",
                  "POST /containers/m%2Fq/pause HTTP/1.1", "POST /containers/m%2Fq/unpause HTTP/1.1",
                  "POST /containers/m%2Fq/kill?signal=SIGKILL HTTP/1.1"));
}

TEST_F(ServerControlTest, RunsOnlyWhatThePolicyFileNames) {
  const fs::path mark = folder_ / "mark";
  const std::string policy = R"({"commands": {"mq": {"start": ["/usr/bin/touch", ")" + mark.string() +
                             R"("], "stop": ["/bin/false"], "kill": ["touch"]}}})";
  setenv("TROOP_POLICY", write("policy", policy).c_str(), 1);
  const auto control = server_control({.systemd = {}, .docker = {}, .pid_file = {}, .command = "mq"});
  ASSERT_TRUE(run(control->check(Action::start)));
  EXPECT_FALSE(fs::exists(mark));
  EXPECT_TRUE(run(control->act(Action::start)));
  EXPECT_TRUE(fs::exists(mark));
  EXPECT_THAT(run(control->act(Action::stop)).error().context, HasSubstr("exit code 1"));
  EXPECT_THAT(run(control->check(Action::kill)).error().context, HasSubstr("absolute path"));
  EXPECT_THAT(run(control->check(Action::pause)).error().context, HasSubstr("no command 'mq' with 'pause'"));
  setenv("TROOP_POLICY", write("open", policy, fs::perms::all).c_str(), 1);
  EXPECT_THAT(run(control->check(Action::start)).error().context, HasSubstr("others must not write"));
}

TEST_F(ServerControlTest, TellsSystemdWithoutAShell) {
  const test::FakeSystemd systemd;
  setenv("TROOP_SYSTEMCTL", systemd.program().c_str(), 1);
  const auto control = server_control({.systemd = "shop.service", .docker = {}, .pid_file = {}, .command = {}});
  ASSERT_NE(control, nullptr);
  ASSERT_TRUE(run(control->check(Action::stop)));
  for (const auto action : {Action::stop, Action::start, Action::pause, Action::resume, Action::kill}) {
    EXPECT_TRUE(run(control->act(action))) << to_text(action);
  }
  EXPECT_THAT(systemd.asked(),
              ElementsAre("cat -- shop.service", "stop -- shop.service", "start -- shop.service",
                          "kill --signal=SIGSTOP -- shop.service", "kill --signal=SIGCONT -- shop.service",
                          "kill --signal=SIGKILL -- shop.service"));
  systemd.let_fail("start", "Unit shop.service not found.");
  EXPECT_THAT(run(control->act(Action::start)).error().context, HasSubstr("exit code 1"));
}

TEST_F(ServerControlTest, SignalsNobodyWhoIsNoBroker) {
  const auto control = server_control(
      {.systemd = {}, .docker = {}, .pid_file = write("pid", std::to_string(getpid())), .command = "mq"});
  EXPECT_THAT(run(control->check(Action::kill)).error().context, HasSubstr("is no beam.smp"));
  EXPECT_TRUE(run(control->act(Action::kill)).has_error());
}

}  // namespace
}  // namespace troop::agents
