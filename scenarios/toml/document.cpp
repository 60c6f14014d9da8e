#include "scenarios/toml/document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <tuple>

#include "scenarios/toml/units.hpp"

namespace troop::scenarios {
namespace {

bool is_within(std::string_view inner, std::string_view outer) {
  return inner.starts_with(outer) && (inner.size() == outer.size() || inner[outer.size()] == '.' || outer.empty());
}

std::optional<std::size_t> as_index(std::string_view segment) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(segment.data(), segment.data() + segment.size(), index);
  if (segment.empty() || error != std::errc{} || end != segment.data() + segment.size()) return std::nullopt;
  return index;
}

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t dot = std::min(path.find('.', from), path.size());
    segments.push_back(path.substr(from, dot - from));
    from = dot + 1;
  }
  return segments;
}

const toml::node* child(const toml::node& node, std::string_view segment) {
  if (const auto* table = node.as_table()) return table->get(segment);
  const auto* array = node.as_array();
  const auto index = as_index(segment);
  return array != nullptr && index && *index < array->size() ? array->get(*index) : nullptr;
}

struct Located {
  toml::source_position value, key;
  bool complete = false;   ///< Everything that the path names exists.
  bool from_file = false;  ///< And the last of it was written in the file, not set over it.
};

/// The place of the last thing along `path` that exists and came from the file.
Located locate(const toml::table& root, std::string_view path) {
  Located found{{1, 1}, {1, 1}, true, true};
  const toml::node* node = &root;
  if (path.empty()) return found;
  for (const auto segment : segments_of(path)) {
    const toml::node* next = child(*node, segment);
    if (next == nullptr) return found.complete = false, found;
    found.from_file = next->source().begin.line != 0;
    if (found.from_file) {
      found.value = found.key = next->source().begin;
      if (const auto* table = node->as_table()) found.key = table->find(segment)->first.source().begin;
    }
    node = next;
  }
  return found;
}

/// What `text` means as a TOML value; where it is none it is text, so that --set for=2s needs no quotes.
template <class Store>
void store_value(const std::string& text, Store store) {
  try {
    toml::table parsed = toml::parse("v = " + text);
    if (parsed.size() == 1 && parsed.contains("v")) return store(std::move(*parsed.get("v")));
  } catch (const toml::parse_error&) {
    // Not TOML: plain text.
  } catch (const TomlAssertion&) {
    // Likewise.
  }
  toml::value<std::string> plain{text};
  store(std::move(static_cast<toml::node&>(plain)));
}

/// Without the value: it may be a secret that was typed where a reference belongs.
std::string place_of(const Override& override) { return "--set " + override.key; }

/// The first line that begins with [ and then no key, which is what toml++ trips over; 0 if there is none.
std::int64_t nameless_header(std::string_view text) {
  std::int64_t line = 1;
  for (std::size_t from = 0; from < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    const std::string_view all = text.substr(from, end - from);
    const std::size_t bracket = all.find_first_not_of(" \t");
    if (bracket != std::string_view::npos && all[bracket] == '[') {
      const std::size_t name = all.find_first_not_of(" \t[", bracket);
      const char c = name == std::string_view::npos ? '[' : all[name];
      const bool is_key = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          std::string_view{"_-\"']"}.find(c) != std::string_view::npos;
      if (!is_key) return line;
    }
    from = end + 1;
  }
  return 0;
}

}  // namespace

bool Document::parse(const std::string& text) {
  try {
    root_ = toml::parse(text);
  } catch (const toml::parse_error& error) {
    std::string message{error.description()};
    if (message.find("expected digit, saw") != std::string::npos) message += " (durations are quoted: \"5s\")";
    if (!is_printable(message)) message = "not TOML";
    problems_.push_back({file_, error.source().begin.line, error.source().begin.column, std::move(message)});
    return false;
  } catch (const TomlAssertion&) {
    problems_.push_back({file_, nameless_header(text), 0, "not TOML: a table header without a name, such as [=]"});
    return false;
  }
  for (const auto& override : overrides_) apply(override);
  return true;
}

void Document::apply(const Override& override) {
  const auto refuse = [&](std::string message) {
    problems_.push_back({place_of(override), 0, 0, std::move(message)});
    broken_.emplace(override.key);
  };
  const auto segments = segments_of(override.key);
  toml::node* node = &root_;
  std::string path;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const std::string_view segment = segments[i];
    const bool last = i + 1 == segments.size();
    const std::string parent = path;
    path += (path.empty() ? "" : ".") + std::string{segment};
    if (auto* table = node->as_table()) {
      if (last) {
        return store_value(override.value,
                           [&](toml::node&& value) { table->insert_or_assign(segment, std::move(value)); });
      }
      if (!table->contains(segment)) {
        if (as_index(segments[i + 1])) return refuse(fmt::format("there is no [[{}]] in the file", segment));
        table->insert(segment, toml::table{});
      }
      node = table->get(segment);
    } else if (auto* array = node->as_array()) {
      const auto index = as_index(segment);
      if (!index) return refuse(fmt::format("'{}' is a list; its entries are {}.0, {}.1 …", parent, parent, parent));
      if (*index >= array->size()) {
        return refuse(fmt::format("there is no {}: '{}' has {} entries, counted from 0", path, parent, array->size()));
      }
      if (last) {
        return store_value(override.value, [&](toml::node&& value) {
          array->replace(array->cbegin() + static_cast<std::ptrdiff_t>(*index), std::move(value));
        });
      }
      node = array->get(*index);
    } else {
      return refuse(fmt::format("'{}' is a value, not a table", parent));
    }
  }
}

const Override* Document::override_at(std::string_view path) const {
  const Override* found = nullptr;
  for (const auto& override : overrides_) {
    if (override.key == path) found = &override;
  }
  return found;
}

void Document::problem(std::string_view path, std::string message) { add(path, std::move(message), false); }
void Document::problem_at_key(std::string_view path, std::string message) { add(path, std::move(message), true); }

void Document::add(std::string_view path, std::string message, bool at_key) {
  broken_.emplace(path);
  if (problems_.size() >= max_problems) return void(++unlisted_);
  const Override* culprit = nullptr;
  const Located place = locate(root_, path);
  for (const auto& override : overrides_) {
    // A value set over the file is at fault for what is in it; a table that only --set made, for itself.
    if (is_within(path, override.key) || (at_key && !place.from_file && is_within(override.key, path)))
      culprit = &override;
  }
  if (culprit != nullptr && place.complete) {
    return problems_.push_back({place_of(*culprit), 0, 0, std::move(message)});
  }
  const auto& position = at_key ? place.key : place.value;
  problems_.push_back({file_, position.line, position.column, std::move(message)});
}

void Document::note(Asked asked) {
  if (asked_ == nullptr) return;
  std::string path;
  for (const auto segment : segments_of(asked.path)) {
    if (as_index(segment))
      path += "[]";
    else
      path += (path.empty() ? "" : ".") + std::string{segment};
  }
  asked.path = std::move(path);
  asked_->push_back(std::move(asked));
}

bool Document::sound(std::string_view path) const {
  return std::ranges::none_of(broken_, [&](const std::string& b) { return is_within(b, path) || is_within(path, b); });
}

std::vector<Problem> Document::take_problems() {
  std::ranges::stable_sort(problems_, [&](const Problem& a, const Problem& b) {
    return std::tuple{a.file != file_, a.line, a.column} < std::tuple{b.file != file_, b.line, b.column};
  });
  if (unlisted_ > 0) problems_.push_back({file_, 0, 0, fmt::format("… and {} more problems", unlisted_)});
  return std::move(problems_);
}

}  // namespace troop::scenarios
