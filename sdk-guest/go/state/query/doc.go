// Package query answers Dapr's state query API for stores that have to look at
// each document themselves.
//
// Parse reads the query that a request carries; a Selection is shown the
// documents one after the other, in the store's own order, and says which of
// them are on the page that was asked for:
//
//	q, err := query.Parse(req.QueryJSON)
//	sel := q.Select()
//	for i, text := range documents {
//		doc, err := json.ParseString(text)
//		if err != nil { continue } // not a document
//		if !sel.Add(i, doc) { break } // has all it needs
//	}
//	page, token := sel.Page()
//
// # The query
//
//	{
//	  "filter": {"AND": [{"EQ": {"person.org": "A"}}, {"IN": {"state": ["CA", "WA"]}}]},
//	  "sort":   [{"key": "state", "order": "DESC"}, {"key": "person.name"}],
//	  "page":   {"limit": 10, "token": "20"}
//	}
//
// A filter is an object with one operator: EQ, NEQ, GT, GTE, LT and LTE with one
// key and a value, IN with one key and an array, AND and OR with an array of two
// or more filters. A key goes down into objects by its dots. Without a filter
// all documents are taken. What Dapr's reference leaves open is settled thus:
//
//   - A key that a document does not have matches nothing, NEQ neither.
//   - Values of different kinds are never equal and have no order: 3 is not "3".
//     Numbers are compared by their value, strings by their characters; GT, GTE,
//     LT and LTE take only these two.
//   - Sorting puts numbers before strings, strings before booleans, and what has
//     no order, null and missing keys, behind them; with DESC all is the other
//     way round. Documents that are equal in all keys keep the store's order.
//   - The token is the number of documents on this page and those before it. It
//     is given whenever there is a limit, on the last page too.
package query
