"""The pages for people: server-rendered, complete without JavaScript, live with it."""
