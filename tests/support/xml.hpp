// Reads XML with expat, which takes nothing that is not well-formed.
#pragma once

#include <expat.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troop::test {

struct Element {
  std::string name;
  std::map<std::string, std::string, std::less<>> attributes;
  std::string text;  ///< Its own, without that of its children.
  std::vector<Element> children;

  [[nodiscard]] std::vector<const Element*> all(std::string_view wanted) const {
    std::vector<const Element*> found;
    for (const auto& child : children) {
      if (child.name == wanted) found.push_back(&child);
    }
    return found;
  }
  /// An empty element where there is none.
  [[nodiscard]] const Element& first(std::string_view wanted) const {
    static const Element none;
    const auto found = all(wanted);
    return found.empty() ? none : *found.front();
  }
  [[nodiscard]] std::string attribute(std::string_view wanted) const {
    const auto found = attributes.find(wanted);
    return found == attributes.end() ? "(no such attribute)" : found->second;
  }
};

struct Xml {
  Element root;
  std::string error;  ///< Empty: well-formed.
};

inline Xml parse_xml(std::string_view text) {
  struct State {
    Element top;
    std::vector<Element*> open;
  };
  State state;
  state.open.push_back(&state.top);
  const std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser{XML_ParserCreate(nullptr), &XML_ParserFree};
  XML_SetUserData(parser.get(), &state);
  XML_SetElementHandler(
      parser.get(),
      [](void* data, const XML_Char* name, const XML_Char** attributes) {
        auto& open = static_cast<State*>(data)->open;
        Element& element = open.back()->children.emplace_back();
        element.name = name;
        for (; *attributes != nullptr; attributes += 2) element.attributes.emplace(attributes[0], attributes[1]);
        open.push_back(&element);
      },
      [](void* data, const XML_Char*) { static_cast<State*>(data)->open.pop_back(); });
  XML_SetCharacterDataHandler(parser.get(), [](void* data, const XML_Char* piece, int length) {
    static_cast<State*>(data)->open.back()->text.append(piece, static_cast<std::size_t>(length));
  });
  if (XML_Parse(parser.get(), text.data(), static_cast<int>(text.size()), XML_TRUE) != XML_STATUS_OK) {
    return {{},
            "line " + std::to_string(XML_GetCurrentLineNumber(parser.get())) + ": " +
                XML_ErrorString(XML_GetErrorCode(parser.get()))};
  }
  return {std::move(state.top.children.front()), {}};
}

}  // namespace troop::test
