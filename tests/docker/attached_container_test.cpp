// A broker that somebody runs in a container, stopped, killed and paused through a real Docker engine, which says
// itself what was done to it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <sstream>

#include "agents/host/tcp.hpp"
#include "agents/rabbitmq/broker.hpp"
#include "agents/rabbitmq/http.hpp"
#include "tests/support/docker_engine.hpp"

namespace troop::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr Duration run_max = 150s;

constexpr std::string_view begin = R"(
name = "container"
duration = "5s"
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
kind = "delivery"
guarantee = "at-least-once"
[[invariant]]
kind = "accounting"
[[invariant]]
kind = "recovery"
within = "20s"
[system.broker.attach]
url_from = "env:TROOP_BROKER_URL"
management_from = "env:TROOP_MANAGEMENT_URL"
vhost = "troop"
create = true
allow = ["broker.stop", "broker.kill", "broker.pause"]
control = { docker = "mq" }
)";

/// RabbitMQ of this host's files in a container named mq, on ports of its own.
class ContainedBroker {
 public:
  static Result<std::unique_ptr<ContainedBroker>> start(DockerEngine& engine) {
    auto broker = std::make_unique<ContainedBroker>();
    BOOST_OUTCOME_TRYV(agents::ManagedBroker::check({}));
    BOOST_OUTCOME_TRY(const auto distribution, agents::pick_port());
    BOOST_OUTCOME_TRY(const auto epmd, agents::pick_port());
    BOOST_OUTCOME_TRY(broker->management_port_, agents::pick_port());
    const fs::path folder = broker->folder_.path();
    const bool stopping = false;
    agents::ManagedBroker files{model::Broker{}, folder, stopping};
    BOOST_OUTCOME_TRYV(files.configure());
    broker->address_ = files.address();
    std::ofstream{folder / "enabled_plugins"} << "[rabbitmq_management].\n";
    std::ofstream{folder / "rabbitmq.conf", std::ios::app}
        << "management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = " << broker->management_port_ << '\n';

    std::vector<std::string> command{"run", "--detach", "--name=mq", "--network=host", "--ulimit=nofile=1024:1024"};
    for (const std::string& mount : {std::string{"/usr:/usr:ro"}, std::string{"/etc/alternatives:/etc/alternatives:ro"},
                                     fmt::format("{0}:{0}", folder.string())}) {
      command.push_back("--volume=" + mount);
    }
    for (const std::string& variable :
         {fmt::format("HOME={}/home", folder.string()), std::string{"LANG=C.UTF-8"},
          std::string{"RABBITMQ_CONF_ENV_FILE=/dev/null"}, std::string{"RABBITMQ_NODENAME=contained@localhost"},
          fmt::format("RABBITMQ_NODE_PORT={}", broker->address_.port),
          fmt::format("RABBITMQ_DIST_PORT={}", distribution),
          fmt::format("RABBITMQ_MNESIA_BASE={}/mnesia", folder.string()),
          fmt::format("RABBITMQ_LOG_BASE={}/log", folder.string()),
          fmt::format("RABBITMQ_CONFIG_FILE={}/rabbitmq.conf", folder.string()),
          fmt::format("RABBITMQ_ENABLED_PLUGINS_FILE={}/enabled_plugins", folder.string()),
          fmt::format("RABBITMQ_PID_FILE={}/pid", folder.string()), fmt::format("ERL_EPMD_PORT={}", epmd),
          std::string{"ERL_EPMD_ADDRESS=127.0.0.1"}, std::string{"RUNNING_UNDER_SYSTEMD=true"},
          std::string{"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1}"}}) {
      command.push_back("--env=" + variable);
    }
    command.insert(command.end(), {"host-files", "/usr/lib/rabbitmq/bin/rabbitmq-server"});
    const auto started = engine.run(command);
    if (!started.good) return Error{ErrorKind::lost, "docker run: " + started.output};
    if (!broker->answers())
      return Error{ErrorKind::lost, "the broker does not start: " + engine.run({"logs", "mq"}).output};
    return broker;
  }

  [[nodiscard]] const std::string& password() const { return address_.password; }
  [[nodiscard]] std::vector<std::string> variables(const DockerEngine& engine) const {
    return {fmt::format("TROOP_BROKER_URL=amqp://{}:{}@localhost:{}", address_.user, address_.password, address_.port),
            fmt::format("TROOP_MANAGEMENT_URL=http://127.0.0.1:{}/", management_port_),
            "TROOP_DOCKER_SOCKET=" + engine.socket()};
  }
  [[nodiscard]] bool answers() const {
    return eventually([&] { return !get("/whoami").empty(); }, 60s);
  }
  /// All that was made in it.
  [[nodiscard]] std::string picture() const {
    return get("/vhosts?columns=name") + get("/queues?columns=vhost,name") + get("/exchanges?columns=vhost,name,type") +
           get("/policies") + get("/permissions");
  }

 private:
  [[nodiscard]] std::string get(const std::string& path) const {
    auto answer = agents::ask_http({.url = fmt::format("http://127.0.0.1:{}/api{}", management_port_, path),
                                    .user = address_.user,
                                    .password = address_.password});
    return answer.has_value() && answer.value().status == 200 ? answer.value().body : "";
  }

  testing_support::TemporaryFolder folder_;
  agents::AmqpAddress address_;
  std::uint16_t management_port_ = 0;
};

class AttachedContainerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string obstacle = DockerEngine::obstacle(); !obstacle.empty()) GTEST_SKIP() << obstacle;
    auto engine = DockerEngine::start();
    ASSERT_TRUE(engine) << engine.error().context;
    engine_ = std::move(engine).value();
    const auto imported = engine_->import_host_image("host-files");
    ASSERT_TRUE(imported.good) << imported.output;
    auto broker = ContainedBroker::start(*engine_);
    ASSERT_TRUE(broker) << broker.error().context;
    broker_ = std::move(broker).value();
  }

  /// One passing run with these faults, each a second long; what the engine says happened to the container.
  std::vector<std::string> run(const std::vector<std::string>& faults) {
    std::string steps;
    for (std::size_t i = 0; i < faults.size(); ++i) {
      steps += fmt::format("[[step]]\nat = \"{}s\"\nfault = \"{}\"\ntarget = \"broker\"\nfor = \"1s\"\n", 1 + 3 * i,
                           faults[i]);
    }
    const fs::path file = world_.root() / "container.toml";
    std::ofstream{file} << begin << steps;
    fs::remove_all(world_.run_directory());
    const std::string before = std::to_string(wall_ns() / 1'000'000'000);
    TroopCommand troop{world_,
                       {"run", file.string(), "--out", world_.run_directory().string(), "--seed", "7"},
                       broker_->variables(*engine_)};
    EXPECT_EQ(troop.exit_code(run_max), 0) << troop.output() << troop.errors();
    EXPECT_THAT(troop.output() + troop.errors(), Not(HasSubstr(broker_->password())));
    const auto document = run_json(world_);
    EXPECT_TRUE(document.is_object());
    if (document.is_object()) expect_proven(document, faults.size());
    const std::string after = std::to_string(wall_ns() / 1'000'000'000 + 1);
    const auto told = engine_->run({"events", "--since", before, "--until", after, "--filter", "container=mq",
                                    "--format", "{{.Action}} {{.Actor.Attributes.signal}}"});
    EXPECT_TRUE(told.good) << told.output;
    std::vector<std::string> events;
    std::istringstream lines{told.output};
    for (std::string line; std::getline(lines, line);) events.push_back(line);
    return events;
  }
  static void expect_proven(const boost::json::value& document, std::size_t faults) {
    EXPECT_EQ(document.at("verdict").as_string(), "pass");
    EXPECT_EQ(document.at("faults").as_array().size(), faults);
    for (const auto& fault : document.at("faults").as_array()) {
      EXPECT_EQ(fault.at("outcome").as_string(), "proven") << boost::json::serialize(fault);
      EXPECT_TRUE(fault.at("restored_ns").is_int64()) << boost::json::serialize(fault);
      EXPECT_EQ(fault.at("back_end").as_string(), "the Docker engine's API on the broker's container");
    }
    EXPECT_EQ(count_of(document, "delivery", "lost"), 0);
    EXPECT_EQ(count_of(document, "accounting", "unaccounted"), 0);
  }
  std::string inspect(const std::string& what) { return engine_->run({"inspect", "--format", what, "mq"}).output; }

  World world_;
  std::unique_ptr<DockerEngine> engine_;
  std::unique_ptr<ContainedBroker> broker_;
};

TEST_F(AttachedContainerTest, IsPausedStoppedAndKilledAndRunsAsBefore) {
  const std::string picture = broker_->picture();
  const std::string same = "{{.Id}} {{.State.Status}} {{.State.Paused}} {{.RestartCount}} {{json .HostConfig}}";
  const std::string container = inspect(same);
  const std::string started = inspect("{{.State.StartedAt}}");
  EXPECT_THAT(container, HasSubstr(" running false 0 "));

  EXPECT_THAT(run({"broker.pause", "broker.stop"}),
              ElementsAre("pause <no value>", "unpause <no value>", "kill 15", "die <no value>", "stop <no value>",
                          "start <no value>"));
  EXPECT_TRUE(broker_->answers());
  EXPECT_THAT(run({"broker.kill"}), ElementsAre("kill 9", "die <no value>", "start <no value>"));

  EXPECT_NE(inspect("{{.State.StartedAt}}"), started);
  EXPECT_EQ(inspect(same), container);
  EXPECT_TRUE(broker_->answers());
  EXPECT_EQ(broker_->picture(), picture);
  EXPECT_EQ(engine_->run({"ps", "--all", "--format", "{{.Names}}"}).output, "mq\n");
  EXPECT_TRUE(eventually([&] { return world_.processes().empty(); }, 5s)) << "processes are left";
  EXPECT_THAT(world_.leftovers(), IsEmpty());
}

}  // namespace
}  // namespace troop::test
