#include "scenarios/model/value.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace troop::model {

std::string to_text(Duration duration) {
  struct Unit {
    std::int64_t nanoseconds;
    std::string_view name;
  };
  static constexpr Unit units[] = {{1'000'000'000, "s"}, {1'000'000, "ms"}, {1'000, "us"}, {1, "ns"}};
  const std::int64_t count = duration.count();
  for (const auto& unit : units) {
    if (count % unit.nanoseconds == 0) return fmt::format("{}{}", count / unit.nanoseconds, unit.name);
  }
  return fmt::format("{}ns", count);
}

std::string to_text(const Value& value) {
  struct Printer {
    std::string operator()(bool b) const { return b ? "true" : "false"; }
    std::string operator()(std::int64_t i) const { return fmt::format("{}", i); }
    std::string operator()(double d) const { return fmt::format("{}", d); }
    std::string operator()(Duration d) const { return to_text(d); }
    std::string operator()(const std::string& s) const { return s; }
    std::string operator()(const std::vector<std::string>& list) const {
      return fmt::format("[{}]", fmt::join(list, ", "));
    }
  };
  return std::visit(Printer{}, value);
}

}  // namespace troop::model
