#include "scenarios/toml/table_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "scenarios/toml/units.hpp"

namespace troop::scenarios {
namespace {

/// "the text \"fast\"", "a table": a wrong value as a person would call it.
std::string described(const toml::node& node) {
  if (const auto* text = node.as_string()) return "the text " + in_quotes(text->get());
  if (const auto* integer = node.as_integer()) return fmt::format("the integer {}", integer->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("the number {}", number->get());
  if (const auto* boolean = node.as_boolean()) return boolean->get() ? "the boolean true" : "the boolean false";
  if (node.is_table()) return "a table";
  return node.is_array() ? "a list" : "a date or time";
}

bool is_lower_case_name(std::string_view text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

}  // namespace

TableReader::TableReader(Document& document, const toml::table& table, std::string path, std::string title)
    : document_(&document), table_(&table), path_(std::move(path)), title_(std::move(title)) {}

const toml::node* TableReader::take(std::string_view key, Asked asked) {
  if (std::ranges::find(known_, key) == known_.end()) known_.emplace_back(key);
  asked.path = path_of(key);
  document_->note(std::move(asked));
  return table_->get(key);
}

const toml::node* TableReader::take_value(std::string_view key, model::ParameterType type, std::string fallback,
                                          std::optional<double> minimum, std::optional<double> maximum) {
  return take(key, {.path = {},
                    .as = Asked::As::value,
                    .type = type,
                    .minimum = minimum,
                    .maximum = maximum,
                    .fallback = std::move(fallback)});
}

bool TableReader::has(std::string_view key) { return take(key) != nullptr; }

bool TableReader::require(std::string_view key, std::string_view why) {
  if (has(key)) return true;
  problem(key, fmt::format("{} has no '{}'{}{}", title_, key, why.empty() ? "" : ": ", why));
  return false;
}

void TableReader::wrong_type(std::string_view key, std::string_view expected, const toml::node& node) {
  problem(key, fmt::format("'{}': expected {}, found {}", key, expected, described(node)));
}

bool TableReader::accept_text(std::string_view key, const std::string& text, const TextRule& rule) {
  if (text.size() > rule.max_bytes) {
    problem(key, fmt::format("'{}' is too long: {} bytes, at most {}", key, text.size(), rule.max_bytes));
  } else if (text.empty() && !rule.may_be_empty) {
    problem(key, fmt::format("'{}' is empty", key));
  } else if (!is_printable(text)) {
    problem(key, fmt::format("'{}' holds control characters: {}", key, in_quotes(text)));
  } else if (rule.lower_case_name && !is_lower_case_name(text)) {
    problem(key, fmt::format("'{}': {} must be of a-z, 0-9 and - only", key, in_quotes(text)));
  } else {
    return true;
  }
  return false;
}

void TableReader::text(std::string_view key, std::string& out, TextRule rule) {
  take_text(key, out, rule,
            {.path = {},
             .as = Asked::As::value,
             .type = model::ParameterType::text,
             .minimum = rule.may_be_empty ? 0 : 1,
             .maximum = static_cast<double>(rule.max_bytes),
             .fallback = out});
}

void TableReader::take_text(std::string_view key, std::string& out, const TextRule& rule, Asked asked) {
  const toml::node* node = take(key, std::move(asked));
  if (node == nullptr) return;
  // What --set gave for a text is text, even where it looks like a number.
  const Override* set = document_->override_at(path_of(key));
  const auto* value = node->as_string();
  if (value == nullptr && (set == nullptr || !node->is_value())) return wrong_type(key, "text in quotes", *node);
  const std::string& text = value != nullptr ? value->get() : set->value;
  if (accept_text(key, text, rule)) out = text;
}

void TableReader::boolean(std::string_view key, bool& out) {
  const toml::node* node = take_value(key, model::ParameterType::boolean, out ? "true" : "false");
  if (node == nullptr) return;
  const auto* value = node->as_boolean();
  if (value == nullptr) return wrong_type(key, "true or false", *node);
  out = value->get();
}

void TableReader::integer(std::string_view key, std::int64_t& out, std::int64_t minimum, std::int64_t maximum) {
  const toml::node* node = take_value(key, model::ParameterType::integer, fmt::format("{}", out),
                                      static_cast<double>(minimum), static_cast<double>(maximum));
  if (node == nullptr) return;
  const auto* value = node->as_integer();
  if (value == nullptr) return wrong_type(key, "an integer", *node);
  if (value->get() < minimum || value->get() > maximum) {
    return problem(key, fmt::format("'{}': {} is out of range, {} to {}", key, value->get(), minimum, maximum));
  }
  out = value->get();
}

void TableReader::number(std::string_view key, double& out, double minimum, double maximum) {
  const toml::node* node = take_value(key, model::ParameterType::number, fmt::format("{}", out), minimum, maximum);
  if (node == nullptr) return;
  if (!node->is_number()) return wrong_type(key, "a number", *node);
  const double value = *node->value<double>();
  // Written so that not-a-number is out of range.
  if (!(value >= minimum && value <= maximum)) {
    return problem(key, fmt::format("'{}': {} is out of range, {} to {}", key, value, minimum, maximum));
  }
  out = value;
}

void TableReader::duration(std::string_view key, Duration& out, Duration minimum, Duration maximum) {
  const auto seconds = [](Duration duration) { return std::chrono::duration<double>(duration).count(); };
  const toml::node* node =
      take_value(key, model::ParameterType::duration, model::to_text(out), seconds(minimum), seconds(maximum));
  if (node == nullptr) return;
  const auto* value = node->as_string();
  if (value == nullptr) return wrong_type(key, "a duration in quotes, such as \"5s\"", *node);
  const auto duration = parse_duration(value->get(), std::max(maximum, longest_duration));
  if (!duration) return problem(key, fmt::format("'{}': {}", key, duration.error().context));
  if (duration.value() < minimum || duration.value() > maximum) {
    return problem(key, fmt::format("'{}': {} is out of range, {} to {}", key, model::to_text(duration.value()),
                                    model::to_text(minimum), model::to_text(maximum)));
  }
  out = duration.value();
}

void TableReader::text_list(std::string_view key, std::vector<std::string>& out, std::size_t max_entries,
                            TextRule rule) {
  const toml::node* node = take_value(key, model::ParameterType::text_list, "", 0, static_cast<double>(max_entries));
  if (node == nullptr) return;
  const auto* array = node->as_array();
  if (array == nullptr) return wrong_type(key, "a list of texts", *node);
  if (array->size() > max_entries) {
    return problem(key, fmt::format("'{}' has {} entries, at most {}", key, array->size(), max_entries));
  }
  std::vector<std::string> list;
  bool good = true;
  for (std::size_t i = 0; i < array->size(); ++i) {
    const std::string entry = fmt::format("{}.{}", key, i);
    const auto* value = array->get(i)->as_string();
    if (value == nullptr) {
      wrong_type(entry, "text in quotes", *array->get(i));
    } else if (accept_text(entry, value->get(), rule)) {
      if (std::ranges::find(list, value->get()) == list.end()) {
        list.push_back(value->get());
        continue;
      }
      problem(entry, fmt::format("'{}' lists {} twice", key, in_quotes(value->get())));
    }
    good = false;
  }
  if (good) out = std::move(list);
}

std::optional<std::size_t> TableReader::choice(std::string_view key, std::span<const std::string_view> names) {
  std::string written;
  take_text(key, written, {},
            {.path = {},
             .as = Asked::As::value,
             .type = model::ParameterType::choice,
             .choices = {names.begin(), names.end()}});
  if (written.empty()) return std::nullopt;
  const auto found = std::ranges::find(names, written);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  const std::vector<std::string> known{names.begin(), names.end()};
  problem(key, fmt::format("'{}': {} is not one of {}{}", key, in_quotes(written), fmt::join(known, ", "),
                           nearest(written, known) ? hint(written, known) : ""));
  return std::nullopt;
}

std::optional<TableReader> TableReader::table(std::string_view key) {
  const toml::node* node = take(key, {.path = {}, .as = Asked::As::table});
  if (node == nullptr) return std::nullopt;
  if (const auto* table = node->as_table())
    return TableReader{*document_, *table, path_of(key), "[" + path_of(key) + "]"};
  wrong_type(key, "a table", *node);
  return std::nullopt;
}

std::vector<TableReader> TableReader::tables(std::string_view key, std::size_t max_entries) {
  std::vector<TableReader> list;
  const toml::node* node =
      take(key, {.path = {}, .as = Asked::As::tables, .maximum = static_cast<double>(max_entries)});
  if (node == nullptr) return list;
  const auto* array = node->as_array();
  if (array == nullptr) return wrong_type(key, fmt::format("a list of tables, [[{}]]", path_of(key)), *node), list;
  if (array->size() > max_entries) {
    problem(key, fmt::format("{} [[{}]], at most {}", array->size(), path_of(key), max_entries));
    return list;
  }
  for (std::size_t i = 0; i < array->size(); ++i) {
    const std::string entry = fmt::format("{}.{}", key, i);
    if (const auto* table = array->get(i)->as_table()) {
      list.emplace_back(*document_, *table, path_of(entry), "[[" + path_of(key) + "]]");
    } else {
      return wrong_type(entry, fmt::format("a table, [[{}]]", path_of(key)), *array->get(i)),
             std::vector<TableReader>{};
    }
  }
  return list;
}

void TableReader::finish() {
  for (const auto& [key, node] : *table_) {
    const std::string_view name = key.str();
    if (std::ranges::find(known_, name) != known_.end()) continue;
    // What the slip was meant to set is not known, so nothing may be concluded from its default either.
    if (const auto near = nearest(name, known_)) document_->distrust(path_of(*near));
    document_->problem_at_key(path_of(name),
                              fmt::format("unknown key {} in {}{}", in_quotes(name), title_, hint(name, known_)));
  }
}

std::vector<std::string> TableReader::keys() const {
  std::vector<std::string> names;
  for (const auto& [key, node] : *table_) names.emplace_back(key.str());
  return names;
}

}  // namespace troop::scenarios
