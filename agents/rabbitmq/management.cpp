#include "agents/rabbitmq/management.hpp"

#include <fmt/format.h>

namespace troop::agents {
namespace json = boost::json;
namespace {

constexpr long not_found = 404;

/// What the broker says went wrong, for people: {"error": …, "reason": …}.
std::string reason_of(const HttpAnswer& answer) {
  if (answer.status == 401) return "the credentials are refused";
  json::error_code failure;
  const json::value said = json::parse(answer.body, failure);
  const auto* fields = failure ? nullptr : said.if_object();
  const auto* reason = fields == nullptr ? nullptr : fields->if_contains("reason");
  constexpr std::size_t shown_max = 300;
  if (reason != nullptr && reason->is_string())
    return fmt::format("status {}, {}", answer.status, std::string_view{reason->get_string()}.substr(0, shown_max));
  return fmt::format("status {}", answer.status);
}

bool good(const HttpAnswer& answer) { return answer.status >= 200 && answer.status < 300; }

}  // namespace

ManagementApi::Answer<HttpAnswer> ManagementApi::ask(std::string method, std::string path, std::string body,
                                                     std::string reason) {
  HttpRequest request{.method = method,
                      .url = address_.url + "/api" + path,
                      .user = address_.user,
                      .password = address_.password,
                      .body = std::move(body),
                      .ca_file = address_.ca_file};
  if (!reason.empty()) request.headers.push_back("X-Reason: " + reason);
  BOOST_OUTCOME_CO_TRY(auto answer, co_await ask_http_elsewhere(std::move(request)));
  if (!good(answer) && answer.status != not_found) {
    co_return Error{ErrorKind::lost, fmt::format("{} {}: {}", method, path, reason_of(answer))};
  }
  co_return answer;
}

ManagementApi::Answer<json::value> ManagementApi::get(std::string path) {
  BOOST_OUTCOME_CO_TRY(auto answer, co_await ask("GET", path, std::string(), std::string()));
  if (answer.status == not_found) co_return json::value(nullptr);
  json::error_code failure;
  json::value parsed = json::parse(answer.body, failure);
  if (failure) co_return Error{ErrorKind::lost, "GET " + path + ": the answer is no JSON"};
  co_return parsed;
}

ManagementApi::Answer<void> ManagementApi::put(std::string path, json::object body) {
  BOOST_OUTCOME_CO_TRY(auto answer, co_await ask("PUT", path, json::serialize(body), std::string()));
  if (!good(answer)) co_return Error{ErrorKind::lost, "PUT " + path + ": there is no such place"};
  co_return success();
}

ManagementApi::Answer<void> ManagementApi::post(std::string path, json::object body) {
  BOOST_OUTCOME_CO_TRY(auto answer, co_await ask("POST", path, json::serialize(body), std::string()));
  if (!good(answer)) co_return Error{ErrorKind::lost, "POST " + path + ": there is no such place"};
  co_return success();
}

ManagementApi::Answer<bool> ManagementApi::remove(std::string path, std::string reason) {
  BOOST_OUTCOME_CO_TRY(auto answer, co_await ask("DELETE", path, std::string(), std::move(reason)));
  co_return good(answer);
}

}  // namespace troop::agents
