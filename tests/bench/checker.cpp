// The checker self-test at length: 10^6 seeded random histories against the oracle, half of them with a mistake
// injected.
//
//   bench_checker [--json] [--histories N]
#include <fmt/format.h>

#include <cstdlib>
#include <string_view>
#include <vector>

#include "common/clock.hpp"
#include "reports/invariants/judge.hpp"
#include "tests/support/checker_oracle.hpp"

namespace {

using namespace troop;
using namespace troop::testing_support;

const std::vector<model::InvariantSpec> specs{
    {"delivery", {}, {{"guarantee", std::string{"exactly-once"}}}}, {"order", {}, {}}, {"accounting", {}, {}}};

/// Whether judge and oracle count the same and name the same messages; `id` must be among those of `anomaly`.
bool agree(const Events& events, std::string_view anomaly, const std::string& id) {
  const auto judged = invariants::judge_text(to_ndjson(events), specs);
  if (!judged) return false;
  Opinion opinion = oracle(events);
  std::map<std::string, std::multiset<std::string>> ids;
  for (const auto& judgement : judged.value().invariants) {
    for (const auto& [name, count] : judgement.counts) {
      const auto known = opinion.counts.find(name);
      if (known != opinion.counts.end() && known->second != count) return false;
    }
    for (const auto& found : judgement.anomalies) ids[found.kind].insert(found.id);
  }
  return ids == opinion.ids && (id.empty() || ids[std::string{anomaly}].contains(id));
}

}  // namespace

int main(int argc, char** argv) {
  bool json = false;
  std::int64_t histories = 1'000'000;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view{argv[i]} == "--json") json = true;
    if (std::string_view{argv[i]} == "--histories" && i + 1 < argc) histories = std::atoll(argv[++i]);
  }
  constexpr std::pair<Mistake, std::string_view> mistakes[] = {{Mistake::loss, "lost"},
                                                               {Mistake::duplicate, "duplicated"},
                                                               {Mistake::swap, "inversion"},
                                                               {Mistake::phantom, "unexpected"}};
  std::int64_t clean = 0, false_alarms = 0, injected = 0, missed = 0;
  const auto begin = monotonic_ns();
  for (std::int64_t done = 0; done < histories; ++done) {
    const auto seed = static_cast<std::uint64_t>(done + 1);
    World world = make_history(seed);
    const auto& [mistake, anomaly] = mistakes[done / 2 % 4];
    const std::string id = done % 2 == 0 ? "" : inject(world.events, mistake, seed);
    const bool right = agree(world.events, anomaly, id);
    if (!right)
      fmt::print(stderr, "bench_checker: seed {}: judge and oracle differ{}\n", seed, id.empty() ? "" : " over " + id);
    if (id.empty()) {
      ++clean;
      false_alarms += right ? 0 : 1;
    } else {
      ++injected;
      missed += right ? 0 : 1;
    }
  }
  const double seconds = static_cast<double>(monotonic_ns() - begin) / 1e9;
  const double found =
      injected == 0 ? 0 : 100.0 * static_cast<double>(injected - missed) / static_cast<double>(injected);
  if (json) {
    fmt::print(R"({{"bench":"checker.injected_found","value":{:.4f},"unit":"%","goal":100,"holds":{}}})"
               "\n"
               R"({{"bench":"checker.false_alarms","value":{},"unit":"histories","goal":0,"holds":{}}})"
               "\n",
               found, missed == 0, false_alarms, false_alarms == 0);
  } else {
    fmt::print("checker.injected_found: {:.4f} % of {} (goal 100, {})\n", found, injected,
               missed == 0 ? "holds" : "MISSED");
    fmt::print("checker.false_alarms: {} in {} clean histories (goal 0, {})\n", false_alarms, clean,
               false_alarms == 0 ? "holds" : "MISSED");
    fmt::print("checker: {:.0f} histories per second, judged and judged again\n",
               static_cast<double>(histories) / seconds);
  }
  return missed == 0 && false_alarms == 0 ? 0 : 1;
}
