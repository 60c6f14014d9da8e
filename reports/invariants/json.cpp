#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <optional>

#include "reports/invariants/judge.hpp"

namespace troop::invariants {
namespace {

namespace json = boost::json;

template <class Range, class Make>
json::array array_of(const Range& range, Make make) {
  json::array array;
  array.reserve(range.size());
  for (const auto& entry : range) array.push_back(make(entry));
  return array;
}

json::array texts(const std::vector<std::string>& list) {
  return array_of(list, [](const std::string& text) { return json::value(json::string_view{text}); });
}

json::object of(const Anomaly& anomaly) {
  json::object object;
  object["kind"] = anomaly.kind;
  object["id"] = anomaly.id;
  object["witnesses"] = array_of(anomaly.witnesses, [](std::int64_t index) { return json::value(index); });
  object["during"] = texts(anomaly.during);
  return object;
}

json::object of(const Judgement& judgement) {
  json::object counts;
  for (const auto& [name, count] : judgement.counts) counts[name] = count;
  json::object object;
  object["kind"] = judgement.kind;
  object["claim"] = judgement.claim;
  object["outcome"] = to_text(judgement.outcome);
  object["counts"] = std::move(counts);
  object["anomalies"] = array_of(judgement.anomalies, [](const Anomaly& anomaly) { return of(anomaly); });
  object["reasons"] = texts(judgement.reasons);
  return object;
}

/// Reads the parts of a stored verdict; the first that is not as it must be is remembered.
class Parts {
 public:
  std::string text(const json::object& object, std::string_view name) {
    const auto* const value = object.if_contains(name);
    if (value != nullptr && value->is_string()) return std::string{std::string_view{value->get_string()}};
    complain(name, "text");
    return {};
  }
  std::int64_t integer(const json::value* value, std::string_view name) {
    if (value != nullptr && value->is_int64()) return value->get_int64();
    complain(name, "an integer");
    return 0;
  }
  const json::array& list(const json::object& object, std::string_view name) {
    static const json::array empty;
    const auto* const value = object.if_contains(name);
    if (value != nullptr && value->is_array()) return value->get_array();
    complain(name, "a list");
    return empty;
  }
  const json::object& entry(const json::value& value, std::string_view name) {
    static const json::object empty;
    if (value.is_object()) return value.get_object();
    complain(name, "an object");
    return empty;
  }
  std::vector<std::string> text_list(const json::object& object, std::string_view name) {
    std::vector<std::string> result;
    for (const auto& value : list(object, name)) {
      if (value.is_string())
        result.emplace_back(std::string_view{value.get_string()});
      else
        complain(name, "a list of texts");
    }
    return result;
  }
  template <class Enum>
  Enum word(const json::object& object, std::string_view name, std::initializer_list<Enum> words) {
    const auto given = text(object, name);
    for (const Enum word : words) {
      if (to_text(word) == given) return word;
    }
    complain(name, "a word that we know");
    return *words.begin();
  }
  void complain(std::string_view name, std::string_view wanted) {
    if (!complaint) complaint = fmt::format("'{}' is not {}", name, wanted);
  }
  std::optional<std::string> complaint;
};

Anomaly anomaly_from(Parts& parts, const json::object& object) {
  Anomaly anomaly{parts.text(object, "kind"), parts.text(object, "id"), {}, parts.text_list(object, "during")};
  for (const auto& value : parts.list(object, "witnesses")) {
    anomaly.witnesses.push_back(parts.integer(&value, "witnesses"));
  }
  return anomaly;
}

Judgement judgement_from(Parts& parts, const json::object& object) {
  Judgement judgement;
  judgement.kind = parts.text(object, "kind");
  if (object.contains("claim")) judgement.claim = parts.text(object, "claim");  // not in the first runs' documents
  judgement.outcome = parts.word(object, "outcome", {Outcome::unknown, Outcome::holds, Outcome::violated});
  const auto* const counts = object.if_contains("counts");
  const json::value nothing;
  for (const auto& count : parts.entry(counts == nullptr ? nothing : *counts, "counts")) {
    judgement.counts.emplace_back(count.key(), parts.integer(&count.value(), count.key()));
  }
  for (const auto& value : parts.list(object, "anomalies")) {
    judgement.anomalies.push_back(anomaly_from(parts, parts.entry(value, "anomalies")));
  }
  judgement.reasons = parts.text_list(object, "reasons");
  return judgement;
}

}  // namespace

json::object to_json(const Judged& judged) {
  json::object object;
  object["verdict"] = to_text(judged.verdict);
  object["events"] = judged.events;
  object["complete"] = judged.complete;
  object["invariants"] = array_of(judged.invariants, [](const Judgement& judgement) { return of(judgement); });
  object["warnings"] = texts(judged.warnings);
  return object;
}

Result<Judged> judged_from_json(const json::object& object) {
  Parts parts;
  Judged judged;
  judged.verdict = parts.word(object, "verdict", {Verdict::inconclusive, Verdict::pass, Verdict::fail});
  judged.events = parts.integer(object.if_contains("events"), "events");
  const auto* const complete = object.if_contains("complete");
  if (complete != nullptr && complete->is_bool())
    judged.complete = complete->get_bool();
  else
    parts.complain("complete", "true or false");
  judged.warnings = parts.text_list(object, "warnings");
  for (const auto& value : parts.list(object, "invariants")) {
    judged.invariants.push_back(judgement_from(parts, parts.entry(value, "invariants")));
  }
  if (parts.complaint) return usage_error(*parts.complaint);
  return judged;
}

}  // namespace troop::invariants
