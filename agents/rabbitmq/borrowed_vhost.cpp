#include "agents/rabbitmq/borrowed_vhost.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "agents/host/process.hpp"

namespace troop::agents {
namespace json = boost::json;
namespace {

constexpr Duration clear_max = std::chrono::seconds{30};  // the API of a broker that was just started comes late
constexpr Duration clear_interval = std::chrono::milliseconds{500};

/// Nothing was changed yet: whatever keeps us from looking is a refusal.
Error refused(const Error& why) { return usage_error("attached broker, management API: " + why.context); }
Error unrestored(const Error& why) { return {ErrorKind::unrestored, "attached broker: " + why.context}; }

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

/// Exchanges that every vhost has: the default one and amq.direct and the like.
bool belongs_to_broker(std::string_view name) { return name.empty() || name.starts_with("amq."); }

std::string description(const std::string& mark) { return "made by Troop run " + mark + ", which deletes it"; }

Result<std::vector<std::string>> names_in(const json::value& listed) {
  if (!listed.is_array()) return Error{ErrorKind::lost, "a list is not understood"};
  std::vector<std::string> names;
  for (const auto& each : listed.get_array()) {
    const auto* fields = each.if_object();
    const auto* name = fields == nullptr ? nullptr : fields->if_contains("name");
    if (name == nullptr || !name->is_string()) return Error{ErrorKind::lost, "a list is not understood"};
    names.emplace_back(name->get_string());
  }
  return names;
}

}  // namespace

BorrowedVhost::Answer<void> BorrowedVhost::check() {
  auto found = co_await api_.get(ManagementApi::path("vhosts", attachment_.vhost));
  if (found.has_error()) co_return refused(found.error());
  const bool exists = !found.value().is_null();
  if (attachment_.create && exists) {
    co_return usage_error(
        fmt::format("vhost {} exists already; with create = true the run makes and deletes its own, so "
                    "name one that does not exist",
                    attachment_.vhost));
  }
  if (attachment_.create) {
    auto me = co_await api_.get(ManagementApi::path("whoami"));
    if (me.has_error()) co_return refused(me.error());
    // A list; until 3.8 a text with commas.
    if (json::serialize(me.value()).find("administrator") == std::string::npos) {
      co_return usage_error("create = true needs a user with the tag administrator; or name a vhost that exists");
    }
    co_return success();
  }
  if (!exists) {
    co_return usage_error(fmt::format("the broker has no vhost {}; make it, or say create = true", attachment_.vhost));
  }
  co_return co_await check_existing();
}

BorrowedVhost::Answer<void> BorrowedVhost::check_existing() {
  BOOST_OUTCOME_CO_TRY(co_await check_names("queue", names_.queues));
  co_return co_await check_names("exchange", names_.exchanges);
}

BorrowedVhost::Answer<void> BorrowedVhost::check_names(std::string kind, const std::vector<std::string>& ours) {
  auto listed = co_await api_.get(ManagementApi::path(kind + "s", attachment_.vhost) + "?columns=name");
  if (listed.has_error()) co_return refused(listed.error());
  const auto names = names_in(listed.value());
  if (names.has_error()) co_return refused(names.error());
  for (const auto& name : names.value()) {
    if (belongs_to_broker(name) && kind == "exchange") continue;
    if (contains(ours, name)) {
      co_return usage_error(
          fmt::format("{0} {1} exists in vhost {2} already, with whatever is in it or bound to it; the "
                      "run would use and then delete it. Delete it, or give the workload's {0} "
                      "another name",
                      kind, name, attachment_.vhost));
    }
    if (!attachment_.shared_vhost) {
      co_return usage_error(
          fmt::format("vhost {} is not Troop's own: it holds {} {}. Name an empty vhost, or create = "
                      "true, or accept it with shared_vhost = true",
                      attachment_.vhost, kind, name));
    }
  }
  co_return success();
}

BorrowedVhost::Answer<void> BorrowedVhost::open() {
  if (!attachment_.create) co_return success();
  json::object body{{"description", description(mark_)}};
  BOOST_OUTCOME_CO_TRY(co_await api_.put(ManagementApi::path("vhosts", attachment_.vhost), std::move(body)));
  json::object everything{{"configure", ".*"}, {"write", ".*"}, {"read", ".*"}};
  co_return co_await api_.put(ManagementApi::path("permissions", attachment_.vhost, user_), std::move(everything));
}

BorrowedVhost::Answer<void> BorrowedVhost::clear() {
  const std::int64_t deadline = monotonic_ns() + clear_max.count();
  while (true) {
    auto cleared = co_await clear_once();
    if (cleared.has_value() || monotonic_ns() >= deadline) co_return cleared;
    co_await pause_for(clear_interval);
  }
}

BorrowedVhost::Answer<void> BorrowedVhost::clear_once() {
  const std::string path = ManagementApi::path("vhosts", attachment_.vhost);
  auto found = co_await api_.get(path);
  if (found.has_error()) co_return unrestored(found.error());
  if (found.value().is_null()) co_return success();  // and with it all that was in it
  if (!attachment_.create) co_return co_await clear_names();
  const auto* fields = found.value().if_object();
  const auto* said = fields == nullptr ? nullptr : fields->if_contains("description");
  if (said == nullptr || *said != json::value(description(mark_))) co_return success();  // somebody else's
  auto removed = co_await api_.remove(path);
  if (removed.has_error()) co_return unrestored(removed.error());
  auto left = co_await api_.get(path);
  if (left.has_error()) co_return unrestored(left.error());
  if (!left.value().is_null()) {
    co_return Error{ErrorKind::unrestored, "attached broker: vhost " + attachment_.vhost + " could not be deleted"};
  }
  co_return success();
}

BorrowedVhost::Answer<void> BorrowedVhost::clear_names() {
  // Queues first: their bindings go with them.
  BOOST_OUTCOME_CO_TRY(co_await clear_all("queues", names_.queues));
  co_return co_await clear_all("exchanges", names_.exchanges);
}

BorrowedVhost::Answer<void> BorrowedVhost::clear_all(std::string kind, const std::vector<std::string>& names) {
  for (const auto& name : names) {
    if (belongs_to_broker(name)) continue;
    const std::string path = ManagementApi::path(kind, attachment_.vhost, name);
    auto removed = co_await api_.remove(path);
    if (removed.has_error()) co_return unrestored(removed.error());
    auto left = co_await api_.get(path);
    if (left.has_error()) co_return unrestored(left.error());
    if (!left.value().is_null()) {
      co_return Error{ErrorKind::unrestored, fmt::format("attached broker: {} {} could not be deleted", kind, name)};
    }
  }
  co_return success();
}

}  // namespace troop::agents
