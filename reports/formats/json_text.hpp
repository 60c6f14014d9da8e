// JSON that a person can read and a diff can show, and reading it back field by field.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troop::formats {

/// Two spaces a level; what fits on one line of 120 columns, and every list of numbers, stays on one line. No newline
/// at the end.
std::string pretty(const boost::json::value& value);

/// Compact, and safe inside a <script> element: "<", ">", "&" and the two line separators are escaped.
std::string for_script(const boost::json::value& value);

/// The fields of one object. The first field that is missing or of another type is noted in `problem`, with its path;
/// from then on everything reads as empty, so that the caller looks at `problem` once, at the end.
class Fields {
 public:
  Fields(const boost::json::object& object, std::string path, std::string& problem)
      : object_(&object), path_(std::move(path)), problem_(&problem) {}

  [[nodiscard]] bool has(std::string_view name) const;  ///< For what earlier versions did not write.
  std::string text(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  std::uint64_t natural(std::string_view name) const;
  bool flag(std::string_view name) const;
  std::optional<std::int64_t> maybe_integer(std::string_view name) const;  ///< Missing and null are the same.
  Fields object(std::string_view name) const;
  std::vector<Fields> objects(std::string_view name) const;
  std::vector<std::string> texts(std::string_view name) const;
  std::vector<std::int64_t> integers(std::string_view name) const;
  std::vector<std::optional<double>> maybe_numbers(std::string_view name) const;
  std::vector<std::pair<std::string, std::string>> text_by_name(std::string_view name) const;
  std::vector<std::pair<std::string, std::int64_t>> integer_by_name(std::string_view name) const;

  void complain(std::string_view name, std::string_view what) const;

 private:
  const boost::json::value* find(std::string_view name, boost::json::kind kind, std::string_view what) const;
  const boost::json::array& array(std::string_view name) const;

  const boost::json::object* object_;
  std::string path_;
  std::string* problem_;
};

}  // namespace troop::formats
