#include "agents/containers.hpp"

#include <fmt/format.h>

#include <thread>

namespace troop::agents {
namespace json = boost::json;
namespace {

constexpr Duration start_max = std::chrono::seconds{10};
constexpr Duration running_max = std::chrono::seconds{2};
/// For one that may have been told to stop, and has not stopped yet: longer than it is given for that.
constexpr Duration going_down_max = std::chrono::seconds{25};

std::string text(const json::object& fields, std::string_view name) {
  const json::value* field = fields.if_contains(name);
  return field != nullptr && field->is_string() ? std::string{field->get_string()} : std::string{};
}

}  // namespace

json::object to_json(const std::string& socket, const Container& container) {
  return {{"socket", socket}, {"id", container.id}, {"name", container.name}};
}

Result<std::string> start_again(const json::object& state) {
  const json::value* seen = state.if_contains("container");
  if (seen == nullptr || !seen->is_object()) return std::string{"nothing was stopped"};
  const std::string socket = text(seen->get_object(), "socket"), id = text(seen->get_object(), "id");
  const auto unrestored = [&](const Error& why) {
    return Error{ErrorKind::unrestored, fmt::format("container {}: {}", text(seen->get_object(), "name"), why.context)};
  };
  auto now = inspect_container(socket, id);
  // One that still runs as it did before may be on its way down: that it runs proves nothing.
  const std::string before = text(state, "started_at");
  const std::int64_t settled = monotonic_ns() + going_down_max.count();
  while (now.has_value() && now.value().running && now.value().started_at == before && monotonic_ns() < settled) {
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
    now = inspect_container(socket, id);
  }
  if (now.has_error()) return unrestored(now.error());
  if (!now.value().running) {
    if (auto told = tell_container(socket, id, "start", start_max); told.has_error()) return unrestored(told.error());
  }
  const std::int64_t deadline = monotonic_ns() + running_max.count();
  do {
    now = inspect_container(socket, id);
    if (now.has_error()) return unrestored(now.error());
    if (now.value().running) return fmt::format("container {} runs since {}", now.value().name, now.value().started_at);
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  } while (monotonic_ns() < deadline);
  return unrestored({ErrorKind::unrestored, fmt::format("it does not run, exit code {}", now.value().exit_code)});
}

}  // namespace troop::agents
