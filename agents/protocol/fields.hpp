// Reads JSON objects that came from somebody else, field by field.
#pragma once

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/clock.hpp"
#include "common/error.hpp"

namespace troop::protocol {
namespace json = boost::json;

inline Error broken(std::string what) { return {ErrorKind::protocol, std::move(what)}; }

/// Reads the fields of one object and remembers the first thing that was wrong with them.
class Fields {
 public:
  explicit Fields(const json::value& value) : object_(value.if_object()) {
    if (object_ == nullptr) problem_ = "not an object";
  }

  void take(std::string_view name, std::int64_t& out, std::int64_t least = INT64_MIN, std::int64_t most = INT64_MAX) {
    if (const json::value* field = find(name)) {
      const auto* number = field->if_int64();
      if (number != nullptr && *number >= least && *number <= most)
        out = *number;
      else
        fail(name);
    }
  }
  void take(std::string_view name, std::uint16_t& out) {
    std::int64_t wide = 0;
    take(name, wide, 0, UINT16_MAX);
    out = static_cast<std::uint16_t>(wide);
  }
  void take(std::string_view name, Duration& out, std::int64_t least = 0) {
    std::int64_t count = 0;
    take(name, count, least);
    out = Duration{count};
  }
  void take(std::string_view name, double& out, double least, double most) {
    if (const json::value* field = find(name)) {
      const double number = field->is_number() ? field->to_number<double>() : std::nan("");
      if (number >= least && number <= most)
        out = number;
      else
        fail(name);
    }
  }
  void take(std::string_view name, bool& out) {
    if (const json::value* field = find(name)) {
      if (const bool* flag = field->if_bool())
        out = *flag;
      else
        fail(name);
    }
  }
  void take(std::string_view name, std::string& out) {
    if (const json::value* field = find(name)) {
      if (const auto* text = field->if_string())
        out.assign(text->data(), text->size());
      else
        fail(name);
    }
  }
  /// Null: not set.
  template <class T>
  void take_optional(std::string_view name, std::optional<T>& out, std::int64_t least) {
    const json::value* field = find(name);
    if (field == nullptr || field->is_null()) return;
    out.emplace();
    take(name, *out, least);
  }
  template <class E>
  void take_enum(std::string_view name, E& out, std::int64_t last) {
    std::int64_t number = 0;
    take(name, number, 0, last);
    out = static_cast<E>(number);
  }
  /// The fields of an object within this one; where it is none, that is what is wrong here.
  Fields part(std::string_view name) {
    static const json::value nothing = json::object{};
    const json::value* found = find(name);
    if (found != nullptr && !found->is_object()) fail(name);
    return Fields{found == nullptr ? nothing : *found};
  }
  /// Hands every entry of a list of at most `most` to `entry`, which returns false if it is wrong.
  template <class Entry>
  void take_each(std::string_view name, std::size_t most, Entry entry) {
    const json::value* field = find(name);
    if (field == nullptr) return;
    const auto* list = field->if_array();
    if (list == nullptr || list->size() > most || !std::ranges::all_of(*list, entry)) fail(name);
  }
  const json::value* find(std::string_view name) {
    if (object_ == nullptr) return nullptr;
    const json::value* field = object_->if_contains(name);
    if (field == nullptr) fail(name);
    return field;
  }
  /// What is wrong with a part is wrong with the whole.
  void adopt(const Fields& part) {
    if (problem_.empty()) problem_ = part.problem_;
  }
  [[nodiscard]] bool good() const { return problem_.empty(); }
  [[nodiscard]] Error error(std::string_view what) const { return broken(std::string{what} + ": " + problem_); }

 private:
  void fail(std::string_view name) {
    if (problem_.empty()) problem_ = "field '" + std::string{name} + "' is missing or wrong";
  }
  const json::object* object_;
  std::string problem_;
};

}  // namespace troop::protocol
