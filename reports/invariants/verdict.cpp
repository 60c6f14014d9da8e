#include "reports/invariants/verdict.hpp"

namespace troop::invariants {

std::string_view to_text(Outcome outcome) {
  switch (outcome) {
    case Outcome::holds:
      return "holds";
    case Outcome::unknown:
      return "unknown";
    case Outcome::violated:
      return "violated";
  }
  return "unknown";
}

std::string_view to_text(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return "pass";
    case Verdict::inconclusive:
      return "inconclusive";
    case Verdict::fail:
      return "fail";
  }
  return "inconclusive";
}

}  // namespace troop::invariants
