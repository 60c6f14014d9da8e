#include "scenarios/toml/fault_rules.hpp"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

namespace troop::scenarios {
namespace {

/// What is wrong with a policy's definition; empty if nothing.
std::string wrong_definition(const std::string& text) {
  boost::system::error_code failed;
  const boost::json::value parsed = boost::json::parse(text, failed);
  const auto* definition = failed ? nullptr : parsed.if_object();
  if (definition == nullptr) return "'definition' is no JSON object, such as {\"max-length\": 100}";
  return definition->empty() ? "'definition' sets nothing, and the broker takes no such policy" : "";
}

}  // namespace

std::optional<Refusal> without_sense(const model::Workload& workload, const model::Step& step, std::string_view path) {
  const auto text = [&](std::string_view name) {
    const auto found = step.parameters.find(name);
    return found == step.parameters.end() ? nullptr : std::get_if<std::string>(&found->second);
  };
  const bool of_exchange = step.fault == "broker.delete_exchange" || step.fault == "broker.delete_binding";
  if (of_exchange && workload.exchange.name.empty() && text("exchange") == nullptr) {
    return Refusal{fmt::format("{}.fault", path),
                   fmt::format("{} cannot act on the default exchange, to which this workload publishes: name one in "
                               "[workload.exchange], or with 'exchange'",
                               step.fault)};
  }
  if (const auto* definition = text("definition"); definition != nullptr && step.fault == "broker.policy") {
    if (auto wrong = wrong_definition(*definition); !wrong.empty())
      return Refusal{fmt::format("{}.definition", path), std::move(wrong)};
  }
  return std::nullopt;
}

}  // namespace troop::scenarios
