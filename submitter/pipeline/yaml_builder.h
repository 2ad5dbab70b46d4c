/// Turns the events of yaml-cpp into nodes. A part of yaml.cc, apart because it is a state machine
/// of its own: aliases, merge keys (`<<`), duplicate keys and the bounds are settled here.
#pragma once

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/mark.h>

#include <string>
#include <unordered_map>
#include <vector>

#include "submitter/pipeline/yaml.h"

namespace landseer::pipeline {

/// After the first error it ignores every further event.
class YamlBuilder final : public YAML::EventHandler {
 public:
  YamlBuilder(Document& document, const std::string* origin, Diagnostics& out)
      : document_(document), origin_(origin), out_(out) {}

  Node* root() const { return root_; }
  bool failed() const { return failed_; }

  void OnDocumentStart(const YAML::Mark& mark) override;
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override;
  void OnSequenceEnd() override { end_container(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override;
  void OnMapEnd() override { end_container(); }

 private:
  struct Frame {
    Node* node;
    Node* key;  ///< of a mapping: read, waiting for its value
    YAML::anchor_t anchor;
  };

  Node* make(Node::Kind kind, const YAML::Mark& mark);
  void begin_container(Node::Kind kind, const YAML::Mark& mark, const std::string& tag,
                       YAML::anchor_t anchor);
  void end_container();
  void attach(Node* node);
  void attach_to_map(Frame& frame, Node* node);
  void settle_map(Node& map);
  void drop_duplicates(Node& map);
  void merge(Node& map);
  void check_tag(const std::string& tag, const Node& node);
  void fail(std::string message, const Node& node, std::string hint,
            ErrorCode code = ErrorCode::kInvalid);

  Document& document_;
  const std::string* origin_;
  Diagnostics& out_;
  Node* root_ = nullptr;
  std::vector<Frame> frames_;
  std::unordered_map<YAML::anchor_t, Node*> anchors_;  ///< finished ones only
  std::size_t documents_ = 0;
  bool failed_ = false;
};

}  // namespace landseer::pipeline
