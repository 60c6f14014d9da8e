#include "reports/formats/json_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reports/formats/text.hpp"

namespace troop::formats {
namespace {

namespace json = boost::json;

constexpr std::size_t line_columns = 120;

const json::object no_object;
const json::array no_array;

std::string quoted(std::string_view text) { return json::serialize(json::string(valid_utf8(text))); }

std::string number(double value) { return std::isfinite(value) ? fmt::format("{}", value) : "null"; }

void flat(const json::value& value, std::string& out, std::string_view gap) {
  if (const auto* object = value.if_object()) {
    out += '{';
    bool first = true;
    for (const auto& field : *object) {
      if (!std::exchange(first, false)) out.append(",").append(gap);
      out += quoted(std::string_view{field.key().data(), field.key().size()});
      out.append(":").append(gap);
      flat(field.value(), out, gap);
    }
    out += '}';
  } else if (const auto* list = value.if_array()) {
    out += '[';
    bool first = true;
    for (const auto& item : *list) {
      if (!std::exchange(first, false)) out.append(",").append(gap);
      flat(item, out, gap);
    }
    out += ']';
  } else if (const auto* text = value.if_string()) {
    out += quoted(std::string_view{text->data(), text->size()});
  } else if (const auto* real = value.if_double()) {
    out += number(*real);
  } else {
    out += json::serialize(value);
  }
}

bool only_numbers(const json::value& value) {
  const auto* list = value.if_array();
  return list && std::all_of(list->begin(), list->end(),
                             [](const json::value& item) { return item.is_number() || item.is_null(); });
}

void tall(const json::value& value, std::string& out, std::size_t depth, std::size_t taken) {
  std::string line;
  flat(value, line, " ");
  const bool fits = 2 * depth + taken + line.size() + 1 <= line_columns;  // 1: the comma behind it
  if (!value.is_structured() || only_numbers(value) || (fits && depth > 0)) {
    out += line;
    return;
  }
  const auto indent = [&](std::size_t levels) { out.append("\n").append(2 * levels, ' '); };
  bool first = true;
  if (const auto* object = value.if_object()) {
    out += '{';
    for (const auto& field : *object) {
      if (!std::exchange(first, false)) out += ',';
      indent(depth + 1);
      const std::string key = quoted(std::string_view{field.key().data(), field.key().size()});
      out.append(key).append(": ");
      tall(field.value(), out, depth + 1, key.size() + 2);
    }
    indent(depth);
    out += '}';
  } else {
    out += '[';
    for (const auto& item : value.get_array()) {
      if (!std::exchange(first, false)) out += ',';
      indent(depth + 1);
      tall(item, out, depth + 1, 0);
    }
    indent(depth);
    out += ']';
  }
}

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }
std::string_view view(json::string_view text) { return {text.data(), text.size()}; }

/// The number as a 64-bit signed integer, where it is one.
std::optional<std::int64_t> as_integer(const json::value& value) {
  if (value.is_int64()) return value.get_int64();
  if (value.is_uint64() && value.get_uint64() <= INT64_MAX) return static_cast<std::int64_t>(value.get_uint64());
  return {};
}

}  // namespace

std::string pretty(const boost::json::value& value) {
  std::string out;
  tall(value, out, 0, 0);
  return out;
}

std::string for_script(const boost::json::value& value) {
  std::string plain;
  flat(value, plain, "");
  std::string safe;
  safe.reserve(plain.size());
  for (std::size_t at = 0; at < plain.size(); ++at) {
    const char c = plain[at];
    if (c == '<' || c == '>' || c == '&') {
      safe += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else if (plain.compare(at, 3, "\xE2\x80\xA8") == 0 || plain.compare(at, 3, "\xE2\x80\xA9") == 0) {
      safe += plain[at + 2] == '\xA8' ? "\\u2028" : "\\u2029";  // ends a line in older JavaScript
      at += 2;
    } else {
      safe += c;
    }
  }
  return safe;
}

void Fields::complain(std::string_view name, std::string_view what) const {
  if (problem_->empty()) *problem_ = fmt::format("{}{}{}: {}", path_, path_.empty() ? "" : ".", name, what);
}

const json::value* Fields::find(std::string_view name, json::kind kind, std::string_view what) const {
  if (!problem_->empty()) return nullptr;
  const json::value* value = object_->if_contains({name.data(), name.size()});
  if (!value) {
    complain(name, "missing");
  } else if (value->kind() != kind) {
    complain(name, fmt::format("{} expected", what));
  } else {
    return value;
  }
  return nullptr;
}

std::string Fields::text(std::string_view name) const {
  const auto* value = find(name, json::kind::string, "text");
  return value ? std::string{view(value->get_string())} : std::string{};
}

bool Fields::flag(std::string_view name) const {
  const auto* value = find(name, json::kind::bool_, "true or false");
  return value && value->get_bool();
}

std::optional<std::int64_t> Fields::maybe_integer(std::string_view name) const {
  if (!problem_->empty()) return {};
  const json::value* value = object_->if_contains({name.data(), name.size()});
  if (!value || value->is_null()) return {};
  const auto integer = as_integer(*value);
  if (!integer) complain(name, "integer expected");
  return integer;
}

std::int64_t Fields::integer(std::string_view name) const {
  const auto value = maybe_integer(name);
  if (!value) complain(name, "integer expected");
  return value.value_or(0);
}

bool Fields::has(std::string_view name) const { return object_->if_contains({name.data(), name.size()}) != nullptr; }

std::uint64_t Fields::natural(std::string_view name) const {
  if (!problem_->empty()) return 0;
  const json::value* value = object_->if_contains({name.data(), name.size()});
  if (value && value->is_uint64()) return value->get_uint64();
  if (value && value->is_int64() && value->get_int64() >= 0) return static_cast<std::uint64_t>(value->get_int64());
  complain(name, "natural number expected");
  return 0;
}

Fields Fields::object(std::string_view name) const {
  const auto* value = find(name, json::kind::object, "object");
  return {value ? value->get_object() : no_object,
          path_.empty() ? std::string{name} : fmt::format("{}.{}", path_, name), *problem_};
}

const json::array& Fields::array(std::string_view name) const {
  const auto* value = find(name, json::kind::array, "list");
  return value ? value->get_array() : no_array;
}

std::vector<Fields> Fields::objects(std::string_view name) const {
  std::vector<Fields> all;
  for (const auto& item : array(name)) {
    std::string path = fmt::format("{}{}{}[{}]", path_, path_.empty() ? "" : ".", name, all.size());
    if (!item.is_object()) {
      if (problem_->empty()) *problem_ = path + ": object expected";
      return {};
    }
    all.emplace_back(item.get_object(), std::move(path), *problem_);
  }
  return all;
}

std::vector<std::string> Fields::texts(std::string_view name) const {
  std::vector<std::string> all;
  for (const auto& item : array(name)) {
    if (!item.is_string()) {
      complain(name, "list of texts expected");
      return {};
    }
    all.emplace_back(view(item.get_string()));
  }
  return all;
}

std::vector<std::int64_t> Fields::integers(std::string_view name) const {
  std::vector<std::int64_t> all;
  for (const auto& item : array(name)) {
    const auto integer = as_integer(item);
    if (!integer) {
      complain(name, "list of integers expected");
      return {};
    }
    all.push_back(*integer);
  }
  return all;
}

std::vector<std::optional<double>> Fields::maybe_numbers(std::string_view name) const {
  std::vector<std::optional<double>> all;
  for (const auto& item : array(name)) {
    if (item.is_null()) {
      all.emplace_back();
    } else if (item.is_number()) {
      all.emplace_back(item.to_number<double>());
    } else {
      complain(name, "list of numbers expected");
      return {};
    }
  }
  return all;
}

std::vector<std::pair<std::string, std::string>> Fields::text_by_name(std::string_view name) const {
  std::vector<std::pair<std::string, std::string>> all;
  const auto* value = find(name, json::kind::object, "object");
  for (const auto& field : value ? value->get_object() : no_object) {
    if (!field.value().is_string())
      complain(name, "object of texts expected");
    else
      all.emplace_back(view(field.key()), view(field.value().get_string()));
  }
  return all;
}

std::vector<std::pair<std::string, std::int64_t>> Fields::integer_by_name(std::string_view name) const {
  std::vector<std::pair<std::string, std::int64_t>> all;
  const auto* value = find(name, json::kind::object, "object");
  for (const auto& field : value ? value->get_object() : no_object) {
    const auto integer = as_integer(field.value());
    if (!integer)
      complain(name, "object of integers expected");
    else
      all.emplace_back(view(field.key()), *integer);
  }
  return all;
}

}  // namespace troop::formats
