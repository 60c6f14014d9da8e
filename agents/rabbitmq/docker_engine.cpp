#include "agents/rabbitmq/docker_engine.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstdlib>

#include "agents/rabbitmq/http.hpp"

namespace troop::agents {
namespace json = boost::json;
namespace {

constexpr long ok = 200, no_content = 204, not_modified = 304;
constexpr Duration answer_max = std::chrono::seconds{3};

Result<HttpAnswer> ask(const std::string& socket, std::string method, const std::string& path, Duration timeout) {
  HttpRequest request;
  request.method = std::move(method);
  request.url = "http://docker/" + path;
  request.unix_socket = socket;
  request.timeout = timeout;
  auto answer = ask_http(request);
  if (answer.has_error()) return std::move(answer).error().within("the Docker engine at " + socket);
  return answer;
}

std::string path_of(const std::string& container, const std::string& what) {
  return "containers/" + path_segment(container) + "/" + what;
}

/// The value at a path of an answer; null where there is none.
const json::value* at(const json::value& whole, std::initializer_list<std::string_view> path) {
  const json::value* found = &whole;
  for (const auto key : path) {
    const auto* object = found->if_object();
    found = object == nullptr ? nullptr : object->if_contains(key);
    if (found == nullptr) return nullptr;
  }
  return found;
}

std::string text_at(const json::value& whole, std::initializer_list<std::string_view> path) {
  const auto* found = at(whole, path);
  return found != nullptr && found->is_string() ? std::string{found->get_string()} : std::string{};
}

bool flag_at(const json::value& whole, std::initializer_list<std::string_view> path) {
  const auto* found = at(whole, path);
  return found != nullptr && found->is_bool() && found->get_bool();
}

}  // namespace

std::string docker_socket() {
  const char* chosen = std::getenv("TROOP_DOCKER_SOCKET");
  return chosen != nullptr && *chosen != '\0' ? chosen : "/var/run/docker.sock";
}

Result<std::string> engine_version(const std::string& socket) {
  BOOST_OUTCOME_TRY(const auto answer, ask(socket, "GET", "version", answer_max));
  json::error_code failure;
  const json::value whole = json::parse(answer.body, failure);
  const std::string version = failure ? "" : text_at(whole, {"Version"});
  if (answer.status != ok || version.empty())
    return Error{ErrorKind::lost, "what answers at " + socket + " is no Docker engine"};
  return version;
}

Result<Container> inspect_container(const std::string& socket, const std::string& container) {
  auto answer = ask(socket, "GET", path_of(container, "json"), answer_max);
  if (answer.has_error()) return usage_error(answer.error().context);
  if (answer.value().status != ok) {
    return usage_error(
        fmt::format("the Docker engine knows no container {} (status {})", container, answer.value().status));
  }
  json::error_code failure;
  const json::value whole = json::parse(answer.value().body, failure);
  Container found;
  found.id = failure ? "" : text_at(whole, {"Id"});
  if (found.id.size() < 12 || found.id.find_first_not_of("0123456789abcdef") != std::string::npos)
    return usage_error("the Docker engine's answer about " + container + " is not understood");
  found.name = text_at(whole, {"Name"});
  if (found.name.starts_with('/')) found.name.erase(0, 1);
  // The engine takes the beginning of any id, too: "db" is one.
  if (found.name != container && !(container.size() >= 12 && found.id.starts_with(container))) {
    return usage_error(
        fmt::format("the Docker engine knows no container {}, only {}, whose id begins so", container, found.name));
  }
  found.running = flag_at(whole, {"State", "Running"});
  found.paused = flag_at(whole, {"State", "Paused"});
  found.removes_itself = flag_at(whole, {"HostConfig", "AutoRemove"});
  found.started_at = text_at(whole, {"State", "StartedAt"});
  if (const auto* code = at(whole, {"State", "ExitCode"}); code != nullptr && code->is_int64())
    found.exit_code = code->get_int64();
  return found;
}

Result<void> tell_container(const std::string& socket, const std::string& container, const std::string& what,
                            Duration timeout) {
  BOOST_OUTCOME_TRY(const auto answer, ask(socket, "POST", path_of(container, what), timeout));
  if (answer.status == no_content || answer.status == not_modified) return success();
  return Error{ErrorKind::lost, fmt::format("the Docker engine does not do '{}' to container {}: status {}", what,
                                            container, answer.status)};
}

}  // namespace troop::agents
