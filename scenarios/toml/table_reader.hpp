// Takes the keys of one TOML table, checks each against what it may be, and reports the keys that nobody asked for.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/toml/document.hpp"

namespace troop::scenarios {

struct TextRule {
  std::size_t max_bytes = 255;
  bool may_be_empty = false;
  bool lower_case_name = false;  ///< [a-z0-9-]+
};

/// Every getter leaves `out` alone when the key is absent or wrong; what is wrong is reported at the value.
/// `title` names the table in messages: "[workload]", "[[step]]".
class TableReader {
 public:
  TableReader(Document& document, const toml::table& table, std::string path, std::string title);

  bool has(std::string_view key);
  /// Reports the key as missing unless it is there.
  bool require(std::string_view key, std::string_view why = {});

  void text(std::string_view key, std::string& out, TextRule rule = {});
  void boolean(std::string_view key, bool& out);
  void integer(std::string_view key, std::int64_t& out, std::int64_t minimum, std::int64_t maximum);
  void number(std::string_view key, double& out, double minimum, double maximum);
  void duration(std::string_view key, Duration& out, Duration minimum = Duration{0},
                Duration maximum = longest_duration);
  void text_list(std::string_view key, std::vector<std::string>& out, std::size_t max_entries, TextRule rule = {});
  /// The position of the value among `names`.
  std::optional<std::size_t> choice(std::string_view key, std::span<const std::string_view> names);
  std::optional<TableReader> table(std::string_view key);
  /// `[[key]]`, at most `max_entries` of them; none at all if one of them is not a table.
  std::vector<TableReader> tables(std::string_view key, std::size_t max_entries);

  /// Reports every key that no getter asked for.
  void finish();

  [[nodiscard]] std::string path_of(std::string_view key) const {
    return path_.empty() ? std::string{key} : path_ + "." + std::string{key};
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Whether nothing is wrong with the key so far.
  [[nodiscard]] bool sound(std::string_view key) const { return document_->sound(path_of(key)); }
  void problem_here(std::string message) { document_->problem(path_, std::move(message)); }
  void problem(std::string_view key, std::string message) { document_->problem(path_of(key), std::move(message)); }
  /// The keys as written, in order of name; asks for none.
  [[nodiscard]] std::vector<std::string> keys() const;

  static constexpr Duration longest_duration = std::chrono::hours{24};

 private:
  const toml::node* take(std::string_view key, Asked asked = {});
  /// The same for a value, told what it may be.
  const toml::node* take_value(std::string_view key, model::ParameterType type, std::string fallback,
                               std::optional<double> minimum = {}, std::optional<double> maximum = {});
  /// Reports that the value of `key` is something else than `expected`.
  void wrong_type(std::string_view key, std::string_view expected, const toml::node& node);
  void take_text(std::string_view key, std::string& out, const TextRule& rule, Asked asked);
  bool accept_text(std::string_view key, const std::string& text, const TextRule& rule);

  Document* document_;
  const toml::table* table_;
  std::string path_, title_;
  std::vector<std::string> known_;
};

}  // namespace troop::scenarios
