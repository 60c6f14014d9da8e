// Mistakes put into good histories, one at a time.
#include <algorithm>
#include <boost/json/value.hpp>

#include "common/ids.hpp"
#include "tests/support/checker_histories.hpp"

namespace troop::testing_support {
namespace {

namespace json = boost::json;

bool is(const json::object& event, std::string_view f, std::string_view type) {
  return event.at("f").as_string() == f && event.at("type").as_string() == type;
}

std::string text(const json::object& event, std::string_view name) {
  return std::string{std::string_view{event.at(name).as_string()}};
}

std::vector<std::size_t> deliveries_of(const Events& events, const std::string& id, const std::string& queue) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (is(events[i], "deliver", "ok") && text(events[i], "id") == id && text(events[i], "queue") == queue) {
      found.push_back(i);
    }
  }
  return found;
}

bool any(const Events& events, std::string_view f, std::string_view type, const std::string& id) {
  return std::any_of(events.begin(), events.end(),
                     [&](const json::object& e) { return is(e, f, type) && text(e, "id") == id; });
}

/// The places of deliveries that fit `wanted`.
template <class Wanted>
std::vector<std::size_t> places(const Events& events, Wanted wanted) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (is(events[i], "deliver", "ok") && wanted(i)) found.push_back(i);
  }
  return found;
}

/// Delivered exactly once from its queue, from its first attempt.
bool simple(const Events& events, std::size_t i) {
  return events[i].at("attempt").as_int64() == 1 &&
         deliveries_of(events, text(events[i], "id"), text(events[i], "queue")).size() == 1;
}

std::string lose(Events& events, Random& random) {
  const auto fit = places(events, [&](std::size_t i) {
    return any(events, "publish", "ok", text(events[i], "id")) && !any(events, "sink", "ok", text(events[i], "id"));
  });
  if (fit.empty()) return {};
  const auto& chosen = events[fit[random.below(fit.size())]];
  const auto id = text(chosen, "id");
  auto gone = deliveries_of(events, id, text(chosen, "queue"));
  for (auto i = gone.rbegin(); i != gone.rend(); ++i) events.erase(events.begin() + static_cast<std::ptrdiff_t>(*i));
  return id;
}

std::string duplicate(Events& events, Random& random) {
  const auto fit = places(events, [&](std::size_t i) { return simple(events, i); });
  if (fit.empty()) return {};
  const std::size_t at = fit[random.below(fit.size())];
  auto copy = events[at];
  copy["tag"] = 1000;
  copy["redelivered"] = false;
  std::size_t end = at + 1;
  while (end < events.size() && events[end].at("f").as_string() != "drain") ++end;
  const auto place = at + 1 + random.below(end - at);
  events.insert(events.begin() + static_cast<std::ptrdiff_t>(place), copy);
  return text(copy, "id");
}

std::string swap(Events& events, Random& random) {
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  const auto fit = places(events, [&](std::size_t i) { return simple(events, i); });
  for (std::size_t a = 0; a < fit.size(); ++a) {
    for (std::size_t b = a + 1; b < fit.size(); ++b) {
      const auto& first = events[fit[a]];
      const auto& second = events[fit[b]];
      if (first.at("key") != second.at("key") || first.at("channel") != second.at("channel")) continue;
      // Nothing is promised for what carries the flag.
      if (first.at("redelivered") == true || second.at("redelivered") == true) break;
      // Neighbours only: exactly one of the two is then behind the maximum.
      const bool neighbours = places(events, [&](std::size_t i) {
                                return i > fit[a] && i < fit[b] && events[i].at("key") == first.at("key") &&
                                       events[i].at("channel") == first.at("channel");
                              }).empty();
      if (neighbours) pairs.emplace_back(fit[a], fit[b]);
      break;
    }
  }
  if (pairs.empty()) return {};
  const auto [a, b] = pairs[random.below(pairs.size())];
  for (const auto* field : {"id", "attempt", "producer", "key", "seq", "redelivered"}) {
    std::swap(events[a].at(field), events[b].at(field));
  }
  return text(events[b], "id");
}

std::string phantom(Events& events, Random& random) {
  const auto fit = places(events, [](std::size_t) { return true; });
  if (fit.empty()) return {};
  const std::size_t at = fit[random.below(fit.size())];
  auto copy = events[at];
  copy["id"] = "phantom";
  copy["tag"] = 1001;
  copy["key"] = "nobody's";
  events.insert(events.begin() + static_cast<std::ptrdiff_t>(at), copy);
  return "phantom";
}

}  // namespace

std::string inject(Events& events, Mistake mistake, std::uint64_t seed) {
  Random random{seed, "mistake"};
  std::string id;
  switch (mistake) {
    case Mistake::loss:
      id = lose(events, random);
      break;
    case Mistake::duplicate:
      id = duplicate(events, random);
      break;
    case Mistake::swap:
      id = swap(events, random);
      break;
    case Mistake::phantom:
      id = phantom(events, random);
      break;
  }
  reindex(events);
  return id;
}

}  // namespace troop::testing_support
