"""The part of GitHub's GraphQL schema that the playground has, in GitHub's names and nullability.

Source: https://docs.github.com/public/fpt/schema.docs.graphql. Left out: everything else of its 60,000 lines.
"""

from __future__ import annotations

from graphql import build_schema

_PAGED = "first: Int last: Int after: String before: String"

_COMMENT = f"""
  id: ID! databaseId: Int author: Actor body: String! createdAt: DateTime! updatedAt: DateTime!
  lastEditedAt: DateTime editor: Actor includesCreatedEdit: Boolean! url: URI! repository: Repository!
  reactions({_PAGED} content: ReactionContent): ReactionConnection!
  reactionGroups: [ReactionGroup!]
  userContentEdits({_PAGED}): UserContentEditConnection
"""

_HIDDEN = "isMinimized: Boolean! minimizedReason: String"

_THREAD = f"""
  number: Int! title: String! locked: Boolean! comments({_PAGED}): IssueCommentConnection!
"""

SDL = f"""
scalar DateTime
scalar URI
enum ReactionContent {{ THUMBS_UP THUMBS_DOWN LAUGH HOORAY CONFUSED HEART ROCKET EYES }}
interface Node {{ id: ID! }}
interface Actor {{ login: String! url: URI! }}
interface Reactable {{
  id: ID! databaseId: Int
  reactions({_PAGED} content: ReactionContent): ReactionConnection!
  reactionGroups: [ReactionGroup!]
}}
interface Minimizable {{ isMinimized: Boolean! minimizedReason: String }}
interface Comment {{
  id: ID! author: Actor body: String! createdAt: DateTime! updatedAt: DateTime! lastEditedAt: DateTime
  editor: Actor includesCreatedEdit: Boolean! userContentEdits({_PAGED}): UserContentEditConnection
}}
type User implements Node & Actor {{ id: ID! databaseId: Int login: String! name: String url: URI! }}
type Bot implements Node & Actor {{ id: ID! databaseId: Int login: String! url: URI! }}
type PageInfo {{ endCursor: String hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String }}
type Reaction implements Node {{
  id: ID! databaseId: Int content: ReactionContent! createdAt: DateTime! user: User
}}
type ReactionEdge {{ cursor: String! node: Reaction }}
type ReactionConnection {{
  edges: [ReactionEdge] nodes: [Reaction] pageInfo: PageInfo! totalCount: Int! viewerHasReacted: Boolean!
}}
type ReactorConnection {{ totalCount: Int! }}
type ReactionGroup {{ content: ReactionContent! reactors(first: Int): ReactorConnection! }}
type UserContentEdit implements Node {{
  id: ID! createdAt: DateTime! updatedAt: DateTime! editedAt: DateTime! editor: Actor
  deletedAt: DateTime deletedBy: Actor diff: String
}}
type UserContentEditConnection {{ nodes: [UserContentEdit] pageInfo: PageInfo! totalCount: Int! }}
type IssueComment implements Node & Comment & Minimizable & Reactable {{ {_COMMENT} {_HIDDEN} issue: Issue! }}
type PullRequestReviewComment implements Node & Comment & Minimizable & Reactable {{
  {_COMMENT} {_HIDDEN} path: String!
}}
type IssueCommentConnection {{ nodes: [IssueComment] pageInfo: PageInfo! totalCount: Int! }}
type Issue implements Node & Comment & Reactable {{ {_COMMENT} {_THREAD} }}
type PullRequest implements Node & Comment & Reactable {{ {_COMMENT} {_THREAD} }}
type Repository implements Node {{
  id: ID! databaseId: Int name: String! nameWithOwner: String! isPrivate: Boolean! url: URI!
  issue(number: Int!): Issue pullRequest(number: Int!): PullRequest
}}
type RateLimit {{ cost: Int! limit: Int! nodeCount: Int! remaining: Int! resetAt: DateTime! used: Int! }}
type Query {{
  node(id: ID!): Node
  nodes(ids: [ID!]!): [Node]!
  repository(owner: String!, name: String!): Repository
  rateLimit(dryRun: Boolean): RateLimit
  viewer: User!
}}
"""

SCHEMA = build_schema(SDL)
