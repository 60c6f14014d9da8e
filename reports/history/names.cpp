#include "reports/history/names.hpp"

#include <array>

namespace troop::history {
namespace {

constexpr std::array<std::string_view, 4> types{"invoke", "ok", "fail", "info"};

constexpr std::array<std::string_view, 16> subjects{"run",    "connection", "publish", "deliver", "ack",   "nack",
                                                    "reject", "sink",       "drain",   "effect",  "state", "request",
                                                    "fault",  "probe",      "log",     "clock"};
static_assert(subjects.size() == static_cast<std::size_t>(Subject::other), "one word per subject, in its order");

}  // namespace

// By length first: with it known, the compiler compares words as numbers instead of calling memcmp for each candidate.
std::optional<Type> type_of(std::string_view text) {
  switch (text.size()) {
    case 2:
      if (text == "ok") return Type::ok;
      break;
    case 4:
      if (text == "info") return Type::info;
      if (text == "fail") return Type::fail;
      break;
    case 6:
      if (text == "invoke") return Type::invoke;
      break;
    default:
      break;
  }
  return std::nullopt;
}

std::string_view to_text(Type type) { return types.at(static_cast<std::size_t>(type)); }

Subject subject_of(std::string_view text) {
  // The three that make up nearly every history first.
  if (text.size() == 7) {
    if (text == "publish") return Subject::publish;
    if (text == "deliver") return Subject::deliver;
  } else if (text.size() == 3 && text == "ack") {
    return Subject::ack;
  }
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    if (text == subjects[i]) return static_cast<Subject>(i);
  }
  return Subject::other;
}

std::string_view to_text(Subject subject) {
  return subject == Subject::other ? std::string_view{} : subjects.at(static_cast<std::size_t>(subject));
}

}  // namespace troop::history
