// Checks JSON by a JSON Schema, as far as the schema of scenarios goes: a keyword that is not here is a mistake of the
// schema, not something to skip.
#pragma once

#include <algorithm>
#include <boost/json.hpp>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace troop::test {

namespace json = boost::json;

/// Draft 2020-12. What is wrong with `value`, each with its place: "/step/0: no alternative fits".
class SchemaCheck {
 public:
  std::vector<std::string> run(const json::value& value, const json::object& schema) {
    wrong_.clear();
    check(value, schema, "");
    return wrong_;
  }

 private:
  void complain(const std::string& place, const std::string& what) { wrong_.push_back(place + ": " + what); }

  static bool has_type(const json::value& value, std::string_view type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_bool();
    if (type == "integer") return value.is_int64();
    return type == "number" && value.is_number();
  }

  static std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
  }

  void check_text(const json::object& schema, const std::string& keyword, std::string_view text,
                  const std::string& at) {
    const auto length = static_cast<std::int64_t>(characters(text));
    const json::value& limit = schema.at(keyword);
    if (keyword == "minLength" && length < limit.as_int64()) complain(at, "too short");
    if (keyword == "maxLength" && length > limit.as_int64()) complain(at, "too long");
    if (keyword == "pattern" && !std::regex_search(std::string{text}, std::regex{limit.as_string().c_str()}))
      complain(at, "does not match " + std::string{limit.as_string()});
  }

  void check_object(const json::object& schema, const std::string& keyword, const json::object& table,
                    const std::string& at) {
    const json::value& rule = schema.at(keyword);
    if (keyword == "required") {
      for (const auto& name : rule.as_array()) {
        if (!table.contains(name.as_string())) complain(at, "lacks " + std::string{name.as_string()});
      }
    } else if (keyword == "minProperties") {
      if (table.size() < static_cast<std::size_t>(rule.as_int64())) complain(at, "too few keys");
    } else if (keyword == "properties") {
      for (const auto& [name, inner] : rule.as_object()) {
        if (const auto* value = table.if_contains(name)) check(*value, inner.as_object(), at + "/" + std::string{name});
      }
    } else if (keyword == "additionalProperties" && !rule.as_bool()) {
      for (const auto& [name, value] : table) {
        if (!schema.at("properties").as_object().contains(name)) complain(at, "unknown key " + std::string{name});
      }
    }
  }

  void check_array(const json::object& schema, const std::string& keyword, const json::array& list,
                   const std::string& at) {
    const json::value& rule = schema.at(keyword);
    if (keyword == "items") {
      for (std::size_t i = 0; i < list.size(); ++i) check(list[i], rule.as_object(), at + "/" + std::to_string(i));
    } else if (keyword == "minItems" && list.size() < static_cast<std::size_t>(rule.as_int64())) {
      complain(at, "too few entries");
    } else if (keyword == "maxItems" && list.size() > static_cast<std::size_t>(rule.as_int64())) {
      complain(at, "too many entries");
    } else if (keyword == "uniqueItems") {
      std::set<std::string> seen;
      for (const auto& entry : list) {
        if (!seen.insert(json::serialize(entry)).second) complain(at, "an entry comes twice");
      }
    }
  }

  void check_any(const json::object& schema, const std::string& keyword, const json::value& value,
                 const std::string& at) {
    const json::value& rule = schema.at(keyword);
    if (keyword == "type" && !has_type(value, rule.as_string())) complain(at, "is no " + std::string{rule.as_string()});
    if (keyword == "const" && value != rule) complain(at, "is not " + json::serialize(rule));
    if (keyword == "enum" && std::ranges::find(rule.as_array(), value) == rule.as_array().end())
      complain(at, "is not one of " + json::serialize(rule));
    if (keyword != "oneOf") return;
    const auto fits = std::ranges::count_if(
        rule.as_array(), [&](const json::value& one) { return SchemaCheck{}.run(value, one.as_object()).empty(); });
    if (fits != 1) complain(at, std::to_string(fits) + " alternatives fit");
  }

  void check(const json::value& value, const json::object& schema, const std::string& at) {
    static const std::set<std::string> of_any{"type", "const", "enum", "oneOf"};
    static const std::set<std::string> of_number{"minimum", "maximum"};
    static const std::set<std::string> of_text{"minLength", "maxLength", "pattern"};
    static const std::set<std::string> of_array{"items", "minItems", "maxItems", "uniqueItems"};
    static const std::set<std::string> of_object{"properties", "required", "additionalProperties", "minProperties"};
    static const std::set<std::string> of_people{"$schema", "title", "description", "default", "examples"};
    for (const auto& [name, rule] : schema) {
      const std::string keyword{name};
      if (of_any.contains(keyword)) {
        check_any(schema, keyword, value, at);
      } else if (of_number.contains(keyword)) {
        const double number = value.is_number() ? value.to_number<double>() : 0;
        const double limit = rule.to_number<double>();
        if (value.is_number() && (keyword == "minimum" ? number < limit : number > limit)) complain(at, "out of range");
      } else if (of_text.contains(keyword)) {
        if (value.is_string()) check_text(schema, keyword, value.get_string(), at);
      } else if (of_array.contains(keyword)) {
        if (value.is_array()) check_array(schema, keyword, value.get_array(), at);
      } else if (of_object.contains(keyword)) {
        if (value.is_object()) check_object(schema, keyword, value.get_object(), at);
      } else if (!of_people.contains(keyword)) {
        complain(at, "unknown keyword " + keyword);
      }
    }
  }

  std::vector<std::string> wrong_;
};

}  // namespace troop::test
