// The Docker engine's HTTP API on its Unix socket: POST /containers/NAME/start and the like.
#include <fmt/format.h>

#include "agents/rabbitmq/docker_engine.hpp"
#include "agents/rabbitmq/http.hpp"
#include "agents/rabbitmq/server_control.hpp"

namespace troop::agents {
namespace {

constexpr long no_content = 204;    // done
constexpr long not_modified = 304;  // it is so already
constexpr int stop_seconds = 20;    // then the engine kills it

class DockerControl : public ServerControl {
 public:
  explicit DockerControl(std::string container) : container_(std::move(container)) {}

  Answer<void> check(Action) override {
    auto answer = co_await ask("GET", "json");
    if (answer.has_error()) co_return usage_error(answer.error().context);
    if (answer.value().status != 200) {
      co_return usage_error(
          fmt::format("the Docker engine knows no container {} (status {})", container_, answer.value().status));
    }
    co_return success();
  }

  Answer<void> act(Action action) override {
    BOOST_OUTCOME_CO_TRY(auto answer, co_await ask("POST", verb(action)));
    if (answer.status == no_content || answer.status == not_modified) co_return success();
    co_return Error{ErrorKind::lost, fmt::format("the Docker engine does not {} container {}: status {}",
                                                 to_text(action), container_, answer.status)};
  }

 private:
  static std::string verb(Action action) {
    switch (action) {
      case Action::start:
        return "start";
      case Action::stop:
        return fmt::format("stop?t={}", stop_seconds);
      case Action::kill:
        return "kill?signal=SIGKILL";
      case Action::pause:
        return "pause";
      case Action::resume:
        return "unpause";
    }
    return "";
  }

  Answer<HttpAnswer> ask(std::string method, std::string what) {
    HttpRequest request;
    request.method = std::move(method);
    request.url = "http://docker/containers/" + path_segment(container_) + "/" + what;
    request.unix_socket = docker_socket();
    request.timeout = std::chrono::seconds{stop_seconds + 10};
    co_return co_await ask_http_elsewhere(std::move(request));
  }

  std::string container_;
};

}  // namespace

std::unique_ptr<ServerControl> docker_control(std::string container) {
  return std::make_unique<DockerControl>(std::move(container));
}

}  // namespace troop::agents
